#pragma once

#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_sink.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace wherry::watcher {

/// The EndpointSlices of a Service that selects these pods: what the EndpointSlice controller
/// would make (T4, T5), one slice for each family and each set of resolved port numbers. Pods that
/// offer none of the Service's ports are left out, as are ports that a pod does not offer. Pure.
[[nodiscard]] std::vector<model::EndpointSlice> slices_of_pods(
    const model::Service& service, const std::vector<const model::Pod*>& selected);

/// Stands between a source and whoever wants EndpointSlices: passes the source's own slices on,
/// and makes slices from Pods for each Service that selects pods and has no slice of its own.
///
/// Control thread only. Changes are collected and passed on by flush(), so that a thousand pods
/// that change at once cost one pass over the Services they belong to.
class PodEndpoints {
 public:
  explicit PodEndpoints(model::ObjectSink<model::EndpointSlice>& out) : out_(out) {}

  [[nodiscard]] model::ObjectSink<model::Service>& services() { return services_sink_; }
  [[nodiscard]] model::ObjectSink<model::Pod>& pods() { return pods_sink_; }
  [[nodiscard]] model::ObjectSink<model::EndpointSlice>& slices() { return slices_sink_; }

  /// Passes on what changed since the last call.
  void flush();

 private:
  template <class T>
  class Sink final : public model::ObjectSink<T> {
   public:
    explicit Sink(PodEndpoints& owner) : owner_(owner) {}
    void replace(std::vector<T> all) override { owner_.replace(std::move(all)); }
    void upsert(T object) override { owner_.upsert(std::move(object)); }
    void erase(const model::ObjectKey& key) override {
      owner_.erase(key, static_cast<T*>(nullptr));
    }

   private:
    PodEndpoints& owner_;
  };

  /// A Service as far as its pods matter, and what was made for it.
  struct Selecting {
    model::Service service;
    std::set<std::string> pods;                        ///< names of the pods it selects
    std::set<std::string> own_slices;                  ///< names of the source's slices
    std::map<std::string, model::EndpointSlice> made;  ///< by name
    bool known = false;                                ///< the Service itself has been seen
  };
  /// Objects meet only within their namespace.
  struct Namespace {
    std::unordered_map<std::string, Selecting> services;
    std::unordered_map<std::string, model::Pod> pods;
    std::unordered_map<std::string, std::string> slice_service;  ///< own slice -> its Service
  };

  void replace(std::vector<model::Service> all);
  void replace(std::vector<model::Pod> all);
  void replace(std::vector<model::EndpointSlice> all);
  void upsert(model::Service service);
  void upsert(model::Pod pod);
  void upsert(model::EndpointSlice slice);
  void erase(const model::ObjectKey& key, model::Service*);
  void erase(const model::ObjectKey& key, model::Pod*);
  void erase(const model::ObjectKey& key, model::EndpointSlice*);

  void select_pods(Namespace& space, Selecting& selecting);
  void detach_slice(const model::ObjectKey& slice);
  void forget_if_unused(const model::ObjectKey& service);
  void forget_if_empty(const std::string& name_space);
  void remake(const model::ObjectKey& service);

  model::ObjectSink<model::EndpointSlice>& out_;
  Sink<model::Service> services_sink_{*this};
  Sink<model::Pod> pods_sink_{*this};
  Sink<model::EndpointSlice> slices_sink_{*this};
  std::unordered_map<std::string, Namespace> namespaces_;
  std::set<model::ObjectKey> dirty_;  ///< Services to look at when flushed
};

}  // namespace wherry::watcher
