#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What is asked of an API server, as text. Pure.
namespace wherry::api {

/// A collection of objects on the server.
struct Resource {
  std::string name;                  ///< as metrics and logs call it: "services"
  std::string group{};               ///< "" is the core group; "discovery.k8s.io"
  std::string version;               ///< "v1"
  std::string plural;                ///< "endpointslices"
  std::string kind;                  ///< of its objects: "EndpointSlice"
  std::string name_space{};          ///< empty: of all namespaces
  std::string labels{};              ///< label selector; empty: all
  std::string fields{};              ///< field selector; empty: all
  bool fields_are_optional = false;  ///< a server that does not know them (400) is asked without

  /// "v1", "discovery.k8s.io/v1"
  [[nodiscard]] std::string api_version() const;
};

/// Which resourceVersion to ask for, and how exactly.
struct ListOptions {
  std::string resource_version;  ///< "": the newest; "0": whatever the server has (A4)
  std::uint32_t limit = 0;       ///< 0: all at once
  std::string continue_token;    ///< the page after; no version goes with it (A6)
};

struct WatchOptions {
  std::string resource_version;
  std::chrono::seconds timeout{};    ///< after which the server ends it (A7)
  bool send_initial_events = false;  ///< WatchList (A1)
};

/// The target of a GET: path and query, under the path that the server's address brings.
[[nodiscard]] std::string list_target(std::string_view base_path, const Resource& resource,
                                      const ListOptions& options);
[[nodiscard]] std::string watch_target(std::string_view base_path, const Resource& resource,
                                       const WatchOptions& options);

/// Where Events of a namespace are created, and where one is changed.
[[nodiscard]] std::string events_target(std::string_view base_path, std::string_view name_space);
[[nodiscard]] std::string event_target(std::string_view base_path, std::string_view name_space,
                                       std::string_view name);

/// A rule that lets a resource be followed, as one line of YAML that can be pasted under the rules
/// of a Role or ClusterRole.
[[nodiscard]] std::string rbac_rule(const Resource& resource);
/// The one that lets Events be written.
[[nodiscard]] std::string events_rbac_rule();

}  // namespace wherry::api
