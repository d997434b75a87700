#pragma once

#include "base/cidr.h"
#include "watcher/model/object_sink.h"
#include "watcher/model/service_cidr.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace wherry::app {

/// The blocks that all ServiceCIDRs of the cluster or of manifests name together (W4).
///
/// Control thread only. `on_change` is told of each change, with all blocks, sorted.
class ServiceCidrs final : public model::ObjectSink<model::ServiceCidr> {
 public:
  explicit ServiceCidrs(std::function<void(const std::vector<Cidr>&)> on_change);

  void replace(std::vector<Object> all) override;
  void upsert(Object object) override;
  void erase(const model::ObjectKey& key) override;

 private:
  void tell();

  const std::function<void(const std::vector<Cidr>&)> on_change_;
  std::map<std::string, std::vector<Cidr>> by_name_;
  std::vector<Cidr> told_;
};

}  // namespace wherry::app
