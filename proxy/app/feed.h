#pragma once

#include "base/metrics.h"
#include "proxy/admin/admin_view.h"
#include "watcher/model/event_sink.h"

#include <string_view>

namespace wherry::app {

/// Where a running process gets its objects from: manifests, or a cluster. Tells a TableLoop.
///
/// Control thread only. stop(), then run the loop to its end, before it is destroyed.
class Feed {
 public:
  Feed() = default;
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;
  virtual ~Feed() = default;

  virtual void start() = 0;
  /// Nothing is told any more. Leaves nothing that keeps the loop running for long.
  virtual void stop() = 0;
  /// What an operator should know of it; nothing here makes a process unready.
  virtual void report(admin::Readiness& readiness) const = 0;
  virtual void collect(MetricFamilies& families) const = 0;
  /// Who tells the owners of objects what happens to them; nobody where objects are files.
  [[nodiscard]] virtual model::EventSink& events() noexcept = 0;
  /// The same about this node; nobody is told where its Events can't be written either.
  virtual void tell_of_node(model::EventType type, std::string_view reason,
                            std::string_view note) = 0;
  /// Writes what was told, for a process that ends before start(): nothing is followed.
  virtual void start_events() = 0;
  /// Nothing that was told is still to be written.
  [[nodiscard]] virtual bool events_are_written() const = 0;
  /// Whether load balancers may send new connections to this node, as far as its Node says (H1).
  [[nodiscard]] virtual bool node_eligible() const = 0;
};

}  // namespace wherry::app
