#pragma once

#include "watcher/model/object_sink.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace wherry::test {

/// Holds what it is told, as every receiver would, and counts how often it was told.
template <class T>
class ObjectMap final : public model::ObjectSink<T> {
 public:
  using typename model::ObjectSink<T>::Object;

  void replace(std::vector<Object> all) override {
    ++replaced_;
    objects_.clear();
    for (const Object& object : all) objects_.insert_or_assign(object->meta.key, *object);
  }
  void upsert(Object object) override {
    ++upserted_;
    objects_.insert_or_assign(object->meta.key, *object);
  }
  void erase(const model::ObjectKey& key) override {
    ++erased_;
    objects_.erase(key);
  }

  [[nodiscard]] const std::map<model::ObjectKey, T>& objects() const { return objects_; }
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> objects;
    for (const auto& [key, object] : objects_) objects.push_back(object);
    return objects;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [key, object] : objects_) names.push_back(key.name);
    return names;
  }
  [[nodiscard]] std::size_t replaced() const { return replaced_; }
  [[nodiscard]] std::size_t upserted() const { return upserted_; }
  [[nodiscard]] std::size_t erased() const { return erased_; }
  [[nodiscard]] std::size_t calls() const { return replaced_ + upserted_ + erased_; }

 private:
  std::map<model::ObjectKey, T> objects_;
  std::size_t replaced_ = 0;
  std::size_t upserted_ = 0;
  std::size_t erased_ = 0;
};

}  // namespace wherry::test
