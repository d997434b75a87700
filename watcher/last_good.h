#pragma once

#include "base/result.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/node.h"
#include "watcher/model/object_sink.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"
#include "watcher/model/service_cidr.h"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

/// The last good objects of a cluster, on disk: what a start serves from while the API server is
/// away. One file of JSON, a line per object, with a version and a checksum.
namespace wherry::watcher {

/// All objects of a cluster that tables are built from.
struct ClusterObjects {
  std::vector<model::ObjectSink<model::Service>::Object> services;
  std::vector<model::ObjectSink<model::EndpointSlice>::Object> slices;
  std::vector<model::ObjectSink<model::Pod>::Object> pods;
  std::vector<model::ObjectSink<model::Node>::Object> nodes;
  std::vector<model::ObjectSink<model::ServiceCidr>::Object> service_cidrs;

  [[nodiscard]] std::size_t size() const noexcept {
    return services.size() + slices.size() + pods.size() + nodes.size() + service_cidrs.size();
  }
};

/// What a file must be about to be of use: the same server, seen in the same way.
struct ClusterIdentity {
  std::string server;      ///< its address
  std::string name_space;  ///< what was read; empty: all
  std::string endpoints;   ///< "slices", "pods"
  std::string node;
  std::string proxy_name{};  ///< whose Services were read; empty: those that name no proxy

  friend bool operator==(const ClusterIdentity&, const ClusterIdentity&) = default;
};

/// Writes beside and renames over, and returns once it is on the disk. Any thread.
[[nodiscard]] error_code write_last_good(const std::string& path, const ClusterIdentity& identity,
                                         const ClusterObjects& objects);

/// Why there is nothing to start from.
struct LastGoodRefusal {
  bool is_missing = false;  ///< there is no such file, which is no fault
  std::string text;
};

/// Reads such a file; nothing of it where anything about it is wrong. Any thread.
[[nodiscard]] std::variant<ClusterObjects, LastGoodRefusal> read_last_good(
    const std::string& path, const ClusterIdentity& identity);

}  // namespace wherry::watcher
