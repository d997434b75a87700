#pragma once

#include "balancer/explain.h"
#include "base/async/asio.h"
#include "base/async/asio_timers.h"
#include "base/clock.h"
#include "base/fault.h"
#include "config/options.h"
#include "proxy/app/service_cidrs.h"
#include "proxy/app/table_loop.h"
#include "proxy/steer/listen_claims.h"
#include "proxy/steer/node_claims.h"
#include "proxy/steer/steered_network.h"
#include "watcher/manifest/manifest_store.h"
#include "watcher/manifest/scan.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// What a `wherry run` with these options would serve, with no process running: the manifests read
/// once, the table built once, the addresses claimed and not opened.
class OfflineTables {
 public:
  explicit OfflineTables(const config::Options& options);

  /// Of manifests; their files are left out of everything else.
  [[nodiscard]] const Faults& faults() const noexcept { return faults_; }
  [[nodiscard]] const balancer::BackendTable& table() const { return *tables_.latest(); }
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId id) const;
  /// Of use as long as the tables.
  [[nodiscard]] balancer::WaysIn ways_in() const;
  /// Service ports that would not get an address.
  [[nodiscard]] std::vector<steer::ListenProblem> problems() const;
  /// The manifest that defines a Service.
  [[nodiscard]] std::string file_of(const model::ObjectKey& service) const {
    return objects_of_files_.file_of_service(service);
  }
  /// Services whose endpoints do not fit into the table's limits.
  [[nodiscard]] std::vector<std::string> too_large() const { return tables_.problems(); }
  /// Annotations with bad values, objects that are defined twice.
  [[nodiscard]] std::vector<std::string> warnings() const;

  [[nodiscard]] std::size_t files() const noexcept { return files_; }
  [[nodiscard]] const std::map<std::string, std::size_t>& objects() const noexcept {
    return objects_;
  }
  [[nodiscard]] const std::map<std::string, std::size_t>& ignored() const noexcept {
    return ignored_;
  }

 private:
  void read(const std::vector<std::string>& paths);

  SystemClock clock_;
  asio::io_context loop_;
  AsioTimers timers_;
  TableLoop tables_;
  steer::KernelAddresses local_addresses_;
  steer::ListenClaims claims_;
  std::optional<steer::NodeClaims> node_claims_;  ///< with --steering node
  std::vector<Cidr> service_cidrs_;
  ServiceCidrs cluster_service_cidrs_;  ///< into service_cidrs_, where they count
  steer::NodePortRule node_ports_;
  Faults faults_;
  std::size_t files_ = 0;
  std::map<std::string, std::size_t> objects_;  ///< by kind
  manifest::ManifestObjects objects_of_files_;
  std::map<std::string, std::size_t> ignored_;  ///< by apiVersion and kind
};

/// The parts of the options that several commands need in another layer's words.
[[nodiscard]] steer::ListenRules listen_rules(const config::Options& options);
[[nodiscard]] TableRules table_rules(const config::Options& options);
[[nodiscard]] steer::NodePortRule node_port_rule(const config::Options& options);
/// The node's name: as given, else the host's in lower case (W9).
[[nodiscard]] std::string node_name(const config::Options& options);

}  // namespace wherry::app
