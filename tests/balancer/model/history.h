#pragma once

#include "watcher/model/object_key.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// A Kubernetes object as an API server or a manifest says it.
using JsonObject = std::shared_ptr<const boost::json::value>;

/// One thing that happens to a node's view of a cluster.
struct Event {
  enum class Op {
    Upsert,   ///< `objects` holds the one that is new or changed
    Erase,    ///< `objects` holds its kind and name
    Replace,  ///< a (re)list: all objects of `kind`
    Build,    ///< the next table is made; every side is asked what it says
  };

  Op op = Op::Build;
  std::string kind;  ///< "Service", "EndpointSlice" or "Node"; of Build empty
  std::vector<JsonObject> objects;
};

/// What happens on one node from its start on. Everything in it follows from the seed.
struct History {
  std::uint64_t seed = 0;
  std::string node = "node-1";
  std::vector<std::string> node_ips = {"172.18.0.2", "fd00:18::2"};
  std::string proxy_name;       ///< --service-proxy-name; empty: none
  bool from_manifests = false;  ///< else from a cluster, where a Service needs a clusterIP (S1)
  std::vector<Event> events;
};

/// The objects that there are after some of the events.
struct World {
  std::map<model::ObjectKey, JsonObject> services;
  std::map<model::ObjectKey, JsonObject> slices;
  JsonObject node;  ///< null before the first word about it

  void apply(const Event& event);
};

[[nodiscard]] model::ObjectKey key_of(const boost::json::value& object);

/// Members' keys, one within the other: {"spec", "type"}.
using JsonPath = std::initializer_list<std::string_view>;

/// What stands under a path, or null.
[[nodiscard]] const boost::json::value* value_at(const boost::json::value& object, JsonPath path);
/// The text there; `fallback` where there is none.
[[nodiscard]] std::string text_at(const boost::json::value& object, JsonPath path,
                                  std::string_view fallback = "");
/// The elements of the list there; none where there is no list.
[[nodiscard]] std::vector<const boost::json::value*> elements_at(const boost::json::value& object,
                                                                 JsonPath path);

/// The events as JSON lines in the words of the oracle (tests/oracle/README.md).
[[nodiscard]] std::string to_lines(const History& history);

/// The events and then the objects that are left, as manifests with comments, for people.
[[nodiscard]] std::string to_manifests(const History& history);

}  // namespace wherry::balancer
