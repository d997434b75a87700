#pragma once

#include "watcher/model/object_key.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::test {

/// One resource on an API server: objects, versions, and the events that led there. What a list, a
/// watch and a WatchList mean is the same for every fake that serves it.
class FakeCollection {
 public:
  struct Event {
    std::uint64_t version = 0;
    std::string type;  ///< "ADDED", "MODIFIED", "DELETED"
    boost::json::object object;
  };

  explicit FakeCollection(std::string kind, std::string api_version = "v1")
      : kind_(std::move(kind)), api_version_(std::move(api_version)) {}

  /// Creates or changes an object; `fields` become part of it beside its metadata.
  void put(const std::string& name, boost::json::object fields = {},
           const std::string& name_space = "default") {
    const model::ObjectKey key{name_space, name};
    const bool is_new = !objects_.contains(key);
    fields["kind"] = kind_;
    fields["apiVersion"] = api_version_;
    boost::json::object metadata;
    if (const auto* given = fields.if_contains("metadata")) metadata = given->as_object();
    metadata["name"] = name;
    metadata["namespace"] = name_space;
    metadata["resourceVersion"] = std::to_string(++version_);
    fields["metadata"] = std::move(metadata);
    history_.push_back({version_, is_new ? "ADDED" : "MODIFIED", fields});
    objects_[key] = std::move(fields);
  }
  void remove(const std::string& name, const std::string& name_space = "default") {
    const auto found = objects_.find({name_space, name});
    if (found == objects_.end()) return;
    boost::json::object last = found->second;
    last["metadata"].as_object()["resourceVersion"] = std::to_string(++version_);
    history_.push_back({version_, "DELETED", std::move(last)});
    objects_.erase(found);
  }
  /// Something else in the cluster changed: versions go on, this resource does not.
  void pass_version() { ++version_; }

  /// Forgets events up to now: watches from before are answered 410.
  void compact() {
    compacted_ = version_;
    history_.clear();
  }
  /// Comes back from a backup: versions that clients have seen are ahead of it.
  void set_version(std::uint64_t version) { version_ = version; }

  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] std::uint64_t compacted() const { return compacted_; }
  [[nodiscard]] const std::string& kind() const { return kind_; }
  [[nodiscard]] const std::string& api_version() const { return api_version_; }
  [[nodiscard]] const std::map<model::ObjectKey, boost::json::object>& objects() const {
    return objects_;
  }
  [[nodiscard]] const std::vector<Event>& history() const { return history_; }

 private:
  const std::string kind_;
  const std::string api_version_;
  std::uint64_t version_ = 100;
  std::uint64_t compacted_ = 0;
  std::map<model::ObjectKey, boost::json::object> objects_;
  std::vector<Event> history_;
};

/// A Status, as an API server says what is wrong.
inline boost::json::object status_object(int code, std::string_view reason,
                                         std::string_view message, std::string_view cause = "") {
  boost::json::object status{{"kind", "Status"},
                             {"apiVersion", "v1"},
                             {"metadata", boost::json::object()},
                             {"status", "Failure"},
                             {"message", boost::json::string(message)},
                             {"reason", boost::json::string(reason)},
                             {"code", code}};
  if (!cause.empty()) {
    status["details"] = {{"causes", {{{"reason", boost::json::string(cause)}}}}};
  }
  return status;
}

inline std::string status_text(int code, std::string_view reason, std::string_view message,
                               std::string_view cause = "") {
  return boost::json::serialize(status_object(code, reason, message, cause));
}

}  // namespace wherry::test
