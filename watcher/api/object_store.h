#pragma once

#include "base/document/field_reader.h"
#include "base/log.h"
#include "watcher/api/api_failure.h"
#include "watcher/model/object_sink.h"

#include <boost/json/value.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wherry::api {

/// What one resource of a cluster may take of our memory, whatever its API server says.
struct StoreLimits {
  std::size_t objects = 500'000;
  std::size_t bytes = 512u << 20;  ///< of the objects' JSON text; what is kept takes less
};

/// Holds the objects of one resource and tells a sink of them. Knows nothing of versions and
/// streams, and its callers nothing of the objects' type. Control thread only.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// A whole collection comes: begin(), add() for each object, then commit(), which replaces what
  /// there is, or abandon().
  virtual void begin() = 0;
  /// False where it would be more than the limits allow.
  [[nodiscard]] virtual bool add(const boost::json::value& object, std::size_t bytes) = 0;
  virtual void commit() = 0;
  virtual void abandon() = 0;

  /// One object is new or another one; false as above.
  [[nodiscard]] virtual bool upsert(const boost::json::value& object, std::size_t bytes) = 0;
  virtual void erase(const boost::json::value& object) = 0;

  /// The server counts its versions anew: the same one may be of another object now.
  virtual void forget_versions() = 0;
};

/// metadata.resourceVersion of an object or a list; "" where there is none.
[[nodiscard]] std::string resource_version_of(const boost::json::value& object);
/// metadata.namespace and name; an empty name where there is none.
[[nodiscard]] model::ObjectKey key_of(const boost::json::value& object);

/// An ObjectStore for one type of objects.
template <class T>
class TypedStore final : public ObjectStore {
 public:
  using Object = typename model::ObjectSink<T>::Object;
  using Decode = T (*)(const document::FieldReader&);

  /// `on_change` is called after each change that the sink was told of.
  TypedStore(Decode decode, model::ObjectSink<T>& sink, std::function<void()> on_change,
             StoreLimits limits = {})
      : decode_(decode), sink_(sink), on_change_(std::move(on_change)), limits_(limits) {}

  void begin() override {
    next_.clear();
    next_bytes_ = 0;
  }

  bool add(const boost::json::value& object, std::size_t bytes) override {
    next_bytes_ += bytes;
    if (next_.size() >= limits_.objects || next_bytes_ > limits_.bytes) return false;
    const model::ObjectKey key = key_of(object);
    if (!key.name.empty()) next_.insert_or_assign(key, make(key, object, bytes));
    return true;
  }

  void commit() override {
    held_ = std::exchange(next_, {});
    bytes_ = next_bytes_;
    sink_.replace(objects());
    on_change_();
  }

  void abandon() override { begin(); }

  bool upsert(const boost::json::value& object, std::size_t bytes) override {
    const model::ObjectKey key = key_of(object);
    if (key.name.empty()) return true;
    Held held = make(key, object, bytes);
    const auto known = held_.find(key);
    const std::size_t freed = known == held_.end() ? 0 : known->second.bytes;
    const std::size_t bytes_then = bytes_ - freed + bytes;
    if ((known == held_.end() && held_.size() >= limits_.objects) || bytes_then > limits_.bytes) {
      return false;
    }
    bytes_ = bytes_then;
    const bool is_news = known == held_.end() || known->second.object != held.object;
    const Object told = held.object;
    held_.insert_or_assign(key, std::move(held));
    if (!is_news) return true;
    sink_.upsert(told);
    on_change_();
    return true;
  }

  void erase(const boost::json::value& object) override {
    const auto known = held_.find(key_of(object));
    if (known == held_.end()) return;
    const model::ObjectKey key = known->second.object->meta.key;  // as the sink knows it
    bytes_ -= known->second.bytes;
    held_.erase(known);
    sink_.erase(key);
    on_change_();
  }

  void forget_versions() override {
    for (auto& [key, held] : held_) held.version.clear();
  }

  /// Puts objects in from elsewhere, as if they had been listed: the last good ones of a run
  /// before.
  void restore(std::vector<Object> objects) {
    held_.clear();
    for (Object& object : objects) {
      const model::ObjectKey key = object->meta.key;
      held_.insert_or_assign(key, Held{{}, std::move(object), 0});
    }
    sink_.replace(this->objects());
    on_change_();
  }

  [[nodiscard]] std::vector<Object> objects() const {
    std::vector<Object> all;
    all.reserve(held_.size());
    for (const auto& [key, held] : held_) all.push_back(held.object);
    return all;
  }
  [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }
  /// Objects of which a part could not be read.
  [[nodiscard]] std::size_t faults() const noexcept { return faults_; }

 private:
  struct Held {
    std::string version;  ///< the resourceVersion it was decoded at
    Object object;
    std::size_t bytes = 0;
  };
  using ByKey = std::unordered_map<model::ObjectKey, Held>;

  /// What is held already where the version is the same: a relist decodes only what is new.
  Held make(const model::ObjectKey& key, const boost::json::value& value, std::size_t bytes) {
    std::string version = resource_version_of(value);
    const auto known = held_.find(key);
    if (known != held_.end() && !version.empty() && known->second.version == version) {
      return {std::move(version), known->second.object, bytes};
    }
    document::FieldFaults faults;
    Object object = std::make_shared<const T>(decode_(document::FieldReader(value, faults)));
    if (!faults.empty()) {
      // What the API server let pass and we can't read: the rest of the object holds.
      ++faults_;
      log::debug("a part of an object can't be read", {{"object", key.to_string()},
                                                       {"field", faults.front().path.to_string()},
                                                       {"reason", faults.front().text}});
    }
    if (known != held_.end() && *known->second.object == *object) object = known->second.object;
    return {std::move(version), std::move(object), bytes};
  }

  const Decode decode_;
  model::ObjectSink<T>& sink_;
  const std::function<void()> on_change_;
  const StoreLimits limits_;
  ByKey held_;
  ByKey next_;
  std::size_t bytes_ = 0;
  std::size_t next_bytes_ = 0;
  std::size_t faults_ = 0;
};

}  // namespace wherry::api
