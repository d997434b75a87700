#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "config/options.h"
#include "proxy/app/feed.h"
#include "proxy/app/table_loop.h"
#include "watcher/manifest/manifest_source.h"

namespace wherry::app {

/// Objects from files and folders.
class ManifestFeed final : public Feed {
 public:
  /// Files are read on `work`.
  ManifestFeed(asio::io_context& control, asio::any_io_executor work, Timers& timers,
               const Clock& clock, const config::Options& options, TableLoop& tables,
               model::ObjectSink<model::ServiceCidr>& service_cidrs);

  void start() override { source_.start(); }
  void stop() override { source_.stop(); }
  void report(admin::Readiness& readiness) const override;
  void collect(MetricFamilies& families) const override { source_.collect(families); }
  [[nodiscard]] model::EventSink& events() noexcept override { return no_events_; }
  void tell_of_node(model::EventType, std::string_view, std::string_view) override {}
  void start_events() override {}
  [[nodiscard]] bool events_are_written() const override { return true; }
  /// Where there is no Node of our name, nobody holds anything against it.
  [[nodiscard]] bool node_eligible() const override;

 private:
  const TableLoop& tables_;
  manifest::ManifestSource source_;
  model::NoEvents no_events_;
};

}  // namespace wherry::app
