#pragma once

#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_sink.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"

#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace wherry::watcher {

/// The EndpointSlices of a Service that selects these pods: what the EndpointSlice controller
/// would make (T4, T5), one slice for each family and each set of resolved port numbers. Pods that
/// offer none of the Service's ports are left out, as are ports that a pod does not offer. Nothing
/// where they would take more than so many bytes. Pure.
[[nodiscard]] std::optional<std::vector<model::EndpointSlice>> slices_of_pods(
    const model::Service& service, const std::vector<const model::Pod*>& selected,
    std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

/// Whose word counts where a Service selects pods and has slices too.
enum class Precedence {
  OwnSlices,  ///< of manifests: whoever writes a slice by hand means it
  /// Of a cluster: slices that the EndpointSlice controller keeps (or has kept, while it was there)
  /// are made here anew; those of others count beside them.
  Pods,
};

/// Stands between a source and whoever wants EndpointSlices: passes the source's own slices on,
/// and makes slices from Pods for each Service that selects pods and, with Precedence::OwnSlices,
/// has no slice of its own.
///
/// Control thread only. Changes are collected and passed on by flush(), so that a thousand pods
/// that change at once cost one pass over the Services they belong to. Pods and Services find each
/// other by label: a change costs what it touches, not pods times Services.
class PodEndpoints {
 public:
  /// `most_bytes` bounds what is made: a few lines can make a thousand Services select a thousand
  /// pods each. A Service that does not fit gets no endpoints, until others go.
  explicit PodEndpoints(model::ObjectSink<model::EndpointSlice>& out,
                        std::size_t most_bytes = std::numeric_limits<std::size_t>::max(),
                        Precedence precedence = Precedence::OwnSlices)
      : out_(out), most_bytes_(most_bytes), precedence_(precedence) {}

  [[nodiscard]] model::ObjectSink<model::Service>& services() { return services_sink_; }
  [[nodiscard]] model::ObjectSink<model::Pod>& pods() { return pods_sink_; }
  [[nodiscard]] model::ObjectSink<model::EndpointSlice>& slices() { return slices_sink_; }

  /// Passes on what changed since the last call.
  void flush();

  /// The Services that did not fit when they were last looked at.
  [[nodiscard]] const std::set<model::ObjectKey>& over_limit() const noexcept {
    return over_limit_;
  }
  /// Pods whose weight is none, and what to do about it; the default holds. Logged once.
  [[nodiscard]] const std::map<model::ObjectKey, std::string>& warnings() const noexcept {
    return warnings_;
  }

 private:
  template <class T>
  class Sink final : public model::ObjectSink<T> {
   public:
    using typename model::ObjectSink<T>::Object;

    explicit Sink(PodEndpoints& owner) : owner_(owner) {}
    void replace(std::vector<Object> all) override { owner_.replace(std::move(all)); }
    void upsert(Object object) override { owner_.upsert(std::move(object)); }
    void erase(const model::ObjectKey& key) override {
      owner_.erase(key, static_cast<T*>(nullptr));
    }

   private:
    PodEndpoints& owner_;
  };
  using ServicePtr = model::ObjectSink<model::Service>::Object;
  using PodPtr = model::ObjectSink<model::Pod>::Object;
  using SlicePtr = model::ObjectSink<model::EndpointSlice>::Object;

  /// A Service as far as its pods matter, and what was made for it.
  struct Selecting {
    ServicePtr service;                ///< null until it has been seen
    std::string anchor;                ///< the pair of its selector under which it is listed
    std::set<std::string> own_slices;  ///< names of the source's slices
    std::map<std::string, SlicePtr> controlled;  ///< Precedence::Pods: the controller's, by name
    std::map<std::string, SlicePtr> made;        ///< what was passed on for it, by name
    std::size_t made_bytes = 0;
  };
  /// Objects meet only within their namespace.
  struct Namespace {
    std::unordered_map<std::string, Selecting> services;
    std::unordered_map<std::string, PodPtr> pods;
    std::unordered_map<std::string, std::string> slice_service;  ///< own slice -> its Service
    /// By label, as key and value in one text.
    std::unordered_map<std::string, std::unordered_set<const model::Pod*>> pods_by_label;
    /// Each Service under one pair of its selector.
    std::unordered_map<std::string, std::set<std::string>> services_by_label;
  };

  void replace(std::vector<ServicePtr> all);
  void replace(std::vector<PodPtr> all);
  void replace(std::vector<SlicePtr> all);
  void upsert(ServicePtr service);
  void upsert(PodPtr pod);
  void upsert(SlicePtr slice);
  void erase(const model::ObjectKey& key, model::Service*);
  void erase(const model::ObjectKey& key, model::Pod*);
  void erase(const model::ObjectKey& key, model::EndpointSlice*);

  void list_service(Namespace& space, const std::string& name, Selecting& selecting);
  static void unlist_service(Namespace& space, const std::string& name, Selecting& selecting);
  void list_pod(const std::string& name_space, Namespace& space, const model::Pod& pod);
  void unlist_pod(const std::string& name_space, Namespace& space, const model::Pod& pod);
  [[nodiscard]] static std::vector<const model::Pod*> select(const Namespace& space,
                                                             const model::Service& service);
  [[nodiscard]] bool is_controlled(const model::EndpointSlice& slice) const;
  void erase_slice(const model::ObjectKey& slice);
  void forget_if_unused(const model::ObjectKey& service);
  void forget_if_empty(const std::string& name_space);
  void remake(const model::ObjectKey& service);

  model::ObjectSink<model::EndpointSlice>& out_;
  const std::size_t most_bytes_;
  const Precedence precedence_;
  Sink<model::Service> services_sink_{*this};
  Sink<model::Pod> pods_sink_{*this};
  Sink<model::EndpointSlice> slices_sink_{*this};
  std::unordered_map<std::string, Namespace> namespaces_;
  std::set<model::ObjectKey> dirty_;         ///< Services to look at when flushed
  std::set<model::ObjectKey> dirty_labels_;  ///< namespaces and labels whose pods changed
  std::set<model::ObjectKey> over_limit_;
  std::map<model::ObjectKey, std::string> warnings_;
  std::size_t made_bytes_ = 0;
};

}  // namespace wherry::watcher
