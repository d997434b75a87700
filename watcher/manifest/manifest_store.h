#pragma once

#include "watcher/manifest/manifest_reader.h"
#include "watcher/manifest/scan.h"
#include "watcher/model/object_sink.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::manifest {

/// An object that is defined more than once.
struct DoubleDefinition {
  std::string object;          ///< kind, namespace and name
  std::string in_force;        ///< the file that counts
  std::string without_effect;  ///< a file that does not; the same one if it defines it twice

  friend auto operator<=>(const DoubleDefinition&, const DoubleDefinition&) = default;
};

/// The objects of one kind from many files. Where several define the same object, the last file's
/// is in force, and the one before it takes over when that file goes.
template <class T>
class MergedObjects {
 public:
  /// Replaces what `file` defines; nothing to forget it. Tells `sink`, if there is one, what
  /// changed.
  void set(const FileOrder& order, const std::string& file, std::vector<T> objects,
           model::ObjectSink<T>* sink) {
    std::map<model::ObjectKey, std::shared_ptr<const T>> next;
    std::set<model::ObjectKey> doubled;
    for (T& object : objects) {
      const model::ObjectKey key = object.meta.key;
      auto shared = std::make_shared<const T>(std::move(object));
      if (!next.insert_or_assign(key, std::move(shared)).second) doubled.insert(key);
    }
    for (const model::ObjectKey& key : keys_of_file_[file]) {
      if (!next.contains(key)) change(key, order, file, nullptr, sink);
    }
    std::vector<model::ObjectKey> keys;
    for (auto& [key, object] : next) {
      keys.push_back(key);
      change(key, order, file, std::move(object), sink);
    }
    if (doubled.empty()) {
      doubled_in_file_.erase(file);
    } else {
      doubled_in_file_[file] = std::move(doubled);
    }
    if (keys.empty()) {
      keys_of_file_.erase(file);
    } else {
      keys_of_file_[file] = std::move(keys);
    }
  }

  /// Every object in force.
  [[nodiscard]] std::vector<std::shared_ptr<const T>> all() const {
    std::vector<std::shared_ptr<const T>> objects;
    objects.reserve(objects_.size());
    for (const auto& [key, definitions] : objects_) objects.push_back(definitions.back().object);
    return objects;
  }

  [[nodiscard]] std::size_t size() const { return objects_.size(); }

  /// The file whose definition counts; empty where nobody defines it.
  [[nodiscard]] std::string file_of(const model::ObjectKey& key) const {
    const auto found = objects_.find(key);
    return found == objects_.end() ? std::string() : found->second.back().file;
  }

  void append_doubles(std::string_view kind, std::vector<DoubleDefinition>& into) const {
    const auto name = [kind](const model::ObjectKey& key) {
      return std::string(kind) + ' ' + (key.name_space.empty() ? key.name : key.to_string());
    };
    for (const model::ObjectKey& key : doubled_) {
      const std::vector<Definition>& definitions = objects_.at(key);
      into.push_back(
          {name(key), definitions.back().file, definitions[definitions.size() - 2].file});
    }
    for (const auto& [file, keys] : doubled_in_file_) {
      for (const model::ObjectKey& key : keys) into.push_back({name(key), file, file});
    }
  }

 private:
  struct Definition {
    FileOrder order;
    std::string file;
    std::shared_ptr<const T> object;
  };

  void change(const model::ObjectKey& key, const FileOrder& order, const std::string& file,
              std::shared_ptr<const T> object, model::ObjectSink<T>* sink) {
    std::vector<Definition>& definitions = objects_[key];
    const std::shared_ptr<const T> before =
        definitions.empty() ? nullptr : definitions.back().object;
    std::erase_if(definitions, [&](const Definition& each) { return each.file == file; });
    if (object) {
      const auto place = std::find_if(definitions.begin(), definitions.end(),
                                      [&](const Definition& each) { return order < each.order; });
      definitions.insert(place, {order, file, std::move(object)});
    }
    if (definitions.size() > 1) {
      doubled_.insert(key);
    } else {
      doubled_.erase(key);
    }
    if (definitions.empty()) {
      objects_.erase(key);
      if (before && sink != nullptr) sink->erase(key);
    } else if (const auto& now = definitions.back().object;
               sink != nullptr && (!before || *before != *now)) {
      sink->upsert(now);
    }
  }

  std::map<model::ObjectKey, std::vector<Definition>> objects_;  ///< in file order; the last counts
  std::map<std::string, std::vector<model::ObjectKey>> keys_of_file_;
  std::set<model::ObjectKey> doubled_;  ///< by more than one file
  std::map<std::string, std::set<model::ObjectKey>> doubled_in_file_;
};

/// Who is told of manifests' objects.
struct ManifestSinks {
  model::ObjectSink<model::Service>& services;
  model::ObjectSink<model::Pod>& pods;
  model::ObjectSink<model::EndpointSlice>& slices;
  model::ObjectSink<model::Node>& nodes;
  model::ObjectSink<model::ServiceCidr>& service_cidrs;
};

/// Stands between Endpoints and whoever wants EndpointSlices; remembers what it made of them.
class EndpointsAsSlices final : public model::ObjectSink<model::Endpoints> {
 public:
  /// Whom the following calls tell; nullptr: nobody.
  void tell(model::ObjectSink<model::EndpointSlice>* sink) { sink_ = sink; }

  using Slice = model::ObjectSink<model::EndpointSlice>::Object;

  void replace(std::vector<Object> all) override;
  void upsert(Object endpoints) override;
  void erase(const model::ObjectKey& key) override;

  void append_to(std::vector<Slice>& slices) const;
  /// How many slices there are now.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  using ByKey = std::map<model::ObjectKey, Slice>;

  void change(const model::ObjectKey& endpoints, ByKey next);

  model::ObjectSink<model::EndpointSlice>* sink_ = nullptr;
  std::map<model::ObjectKey, ByKey> made_;  ///< by their Endpoints
  std::size_t size_ = 0;
};

/// The objects of all kinds from many files. Endpoints have become EndpointSlices.
class ManifestObjects {
 public:
  /// Replaces what a file defines. Tells `sinks`, if there are any, what changed.
  void set(const FileOrder& order, const std::string& file, ManifestContent content,
           const ManifestSinks* sinks);
  /// Gives every sink everything that is in force.
  void replace_all(const ManifestSinks& sinks) const;
  /// How many are in force, by kind.
  [[nodiscard]] std::map<std::string, std::size_t> counts() const;
  /// Which file a Service is from; empty for one that is not there.
  [[nodiscard]] std::string file_of_service(const model::ObjectKey& key) const {
    return services_.file_of(key);
  }
  /// What is defined more than once, sorted.
  [[nodiscard]] std::vector<DoubleDefinition> doubles() const;

 private:
  MergedObjects<model::Service> services_;
  MergedObjects<model::Pod> pods_;
  MergedObjects<model::EndpointSlice> slices_;
  MergedObjects<model::Endpoints> endpoints_;
  MergedObjects<model::Node> nodes_;
  MergedObjects<model::ServiceCidr> service_cidrs_;
  EndpointsAsSlices slices_of_endpoints_;
};

}  // namespace wherry::manifest
