#pragma once

#include "balancer/node_view.h"
#include "base/cidr.h"
#include "base/ip_address.h"
#include "watcher/model/node.h"
#include "watcher/model/object_sink.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// What options say of the node in place of what its Node object says.
struct NodeRules {
  std::optional<IpAddress> address;  ///< the node's own (W10)
  std::vector<Cidr> cluster_cidrs;   ///< if any, a client in them is a pod of this node (F7)
  std::vector<Cidr> proxies;         ///< whose PROXY headers say who the client is
};

/// The Node that this process runs on, as its source has it (W3): the one with our name among all
/// that are told of. Of the others the addresses are kept.
///
/// Control thread only. `on_change` is called when it came, went, or says something else.
class OwnNode final : public model::ObjectSink<model::Node> {
 public:
  OwnNode(std::string name, NodeRules rules, std::function<void()> on_change);

  void replace(std::vector<Object> all) override;
  void upsert(Object node) override;
  void erase(const model::ObjectKey& key) override;

  /// null where the source has no Node of this name.
  [[nodiscard]] const Object& get() const noexcept { return node_; }
  /// Worked out anew by each call, out of all Nodes.
  [[nodiscard]] balancer::NodeView view() const;

 private:
  void set(Object node);
  void set_other(const std::string& name, const std::vector<IpAddress>& addresses);

  const std::string name_;
  const NodeRules rules_;
  const std::function<void()> on_change_;
  Object node_;
  std::map<std::string, std::vector<IpAddress>> others_;  ///< addresses by Node
};

}  // namespace wherry::app
