#pragma once

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "base/async/coalescer.h"
#include "base/async/timers.h"
#include "proxy/app/own_node.h"
#include "proxy/app/sync_progress.h"
#include "watcher/model/event_sink.h"
#include "watcher/pod_endpoints.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::app {

/// What one set of tables may cost, whatever Services, pods and ports multiply to.
struct TableLimits {
  std::size_t backends = 500'000;     ///< of all service ports together
  std::size_t pod_bytes = 64u << 20;  ///< of the slices that are made from pods
};

/// Where the objects come from decides what they mean.
struct TableRules {
  /// Who gives a Service its endpoints.
  enum class Endpoints : std::uint8_t {
    Manifests,  ///< its own slices; without any, the pods that it selects
    Slices,     ///< slices alone
    Pods,       ///< the pods that it selects; without a selector, its slices
  };

  balancer::FlattenRules flatten;
  Endpoints endpoints = Endpoints::Manifests;
  Duration min_sync_period{};  ///< from the end of one rebuild to the start of the next (R1)
  NodeRules node;
  TableLimits limits;
};

/// From objects to tables: the trackers, the builder, and when to build.
///
/// Control thread only. Sources put objects into services(), pods(), slices() and nodes(), and say
/// on_synced() when they hold everything that there is: no table is published before (W5).
class TableLoop {
 public:
  /// What a table came of, for whoever measures the way to it.
  struct Origin {
    TimePoint since;  ///< when the first object that the table takes in was handed over
    SyncProgress::Run run;
    std::vector<balancer::Trigger> triggers;
  };
  using Publish =
      std::function<void(std::shared_ptr<const balancer::BackendTable>, const Origin& origin)>;

  /// With `progress` each rebuild is a run of it: ended here where the table stays the same, and
  /// else by `publish`, once the table is live.
  TableLoop(Timers& timers, const Clock& clock, const TableRules& rules, std::string_view node_name,
            Publish publish, SyncProgress* progress = nullptr);

  [[nodiscard]] model::ObjectSink<model::Service>& services() {
    if (endpoints_ == TableRules::Endpoints::Slices) return services_;
    return service_sinks_;
  }
  [[nodiscard]] model::ObjectSink<model::Pod>& pods() { return pod_endpoints_.pods(); }
  [[nodiscard]] model::ObjectSink<model::EndpointSlice>& slices() {
    if (endpoints_ == TableRules::Endpoints::Slices) return slices_;
    return pod_endpoints_.slices();
  }

  /// Takes all Nodes, and looks at the one that this process runs on.
  [[nodiscard]] model::ObjectSink<model::Node>& nodes() { return own_node_; }
  [[nodiscard]] const OwnNode& own_node() const noexcept { return own_node_; }

  /// Whoever owns a Service is told there of what is wrong with its annotations.
  void report_to(model::EventSink& events) noexcept { events_ = &events; }

  /// The sources hold the truth now; the first call publishes the first table, even an empty one.
  void on_synced();
  /// The sources have told of all that changed together.
  void on_change();
  void stop() noexcept {
    coalescer_.stop();
    due_.cancel();
  }

  [[nodiscard]] bool has_published() const noexcept { return published_; }
  [[nodiscard]] const std::shared_ptr<const balancer::BackendTable>& latest() const noexcept {
    return builder_.latest();
  }
  [[nodiscard]] const balancer::ServiceTracker& service_tracker() const noexcept {
    return services_;
  }
  [[nodiscard]] const balancer::SliceTracker& slice_tracker() const noexcept { return slices_; }
  /// Services and service ports that do not fit into the limits, as one would tell an operator.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// Pods whose annotations have bad values.
  [[nodiscard]] const std::map<model::ObjectKey, std::string>& pod_warnings() const noexcept {
    return pod_endpoints_.warnings();
  }
  /// Builds now. For commands that need one table and no loop.
  void build_now() { rebuild(); }

 private:
  /// Services interest two parties.
  class ServiceSinks final : public model::ObjectSink<model::Service> {
   public:
    ServiceSinks(model::ObjectSink<model::Service>& a, model::ObjectSink<model::Service>& b)
        : a_(a), b_(b) {}
    void replace(std::vector<Object> all) override {
      a_.replace(all);
      b_.replace(std::move(all));
    }
    void upsert(Object service) override {
      a_.upsert(service);
      b_.upsert(std::move(service));
    }
    void erase(const model::ObjectKey& key) override {
      a_.erase(key);
      b_.erase(key);
    }

   private:
    model::ObjectSink<model::Service>& a_;
    model::ObjectSink<model::Service>& b_;
  };

  void rebuild();
  void wait_for_due();
  void report_problems();

  const TableRules::Endpoints endpoints_;
  model::EventSink* events_ = nullptr;
  Timers& timers_;
  const Clock& clock_;
  balancer::ServiceTracker services_;
  balancer::SliceTracker slices_;
  watcher::PodEndpoints pod_endpoints_;
  ServiceSinks service_sinks_;
  OwnNode own_node_;
  balancer::TableBuilder builder_;
  Coalescer coalescer_;
  Timer due_;  ///< for weights that change because time passes
  const Publish publish_;
  SyncProgress* const progress_;
  std::vector<std::string> reported_;      ///< problems that the log has named
  std::optional<TimePoint> first_change_;  ///< that no table has taken in yet
  bool node_is_new_ = true;                ///< since the last table
  bool synced_ = false;
  bool published_ = false;
};

}  // namespace wherry::app
