#include "proxy/app/cluster_check.h"

#include "base/async/asio_timers.h"
#include "base/async/task_group.h"
#include "base/clock.h"
#include "proxy/app/cluster_feed.h"
#include "watcher/api/cluster_connection.h"
#include "watcher/api/cluster_source.h"
#include "watcher/api/find_access.h"
#include "watcher/api/list_watch.h"

#include <chrono>
#include <memory>
#include <utility>

namespace wherry::app {
namespace {

/// Coroutine: what it is given by pointer lives until the loop has ended.
asio::awaitable<void> try_resource(api::ListWatch* list_watch, bool try_watch,
                                   ResourceCheck* result) {
  api::ListOptions list;
  list.limit = 1;  // counts for the newest version only: others come from a cache, whole
  api::ListWatch::TakeItem take = [](boost::json::value&&, std::size_t) { return true; };
  const auto page = co_await list_watch->list(list, std::move(take));
  if (!page) {
    result->list = page.error();
    co_return;
  }
  if (!try_watch) co_return;
  result->watch_was_tried = true;
  api::WatchOptions watch;
  watch.resource_version = page->resource_version;
  watch.timeout = std::chrono::seconds(1);
  const auto stream = co_await list_watch->watch(watch);
  if (!stream) result->watch = stream.error();
}

}  // namespace

std::variant<api::ClusterAccess, Faults> find_access(const config::Options& options) {
  return api::find_access({options.kubeconfig, options.context, options.master},
                          options.environment);
}

std::vector<ResourceCheck> check_cluster(const config::Options& options,
                                         const api::ClusterAccess& access) {
  asio::io_context loop{1};
  AsioTimers timers(loop);
  const SystemClock clock;
  api::ClusterConnection connection(loop, access, options.environment, timers, clock, user_agent());
  TaskGroup tasks(loop);

  const auto resources = api::resources_of(cluster_options(options));
  std::vector<ResourceCheck> results(resources.size());
  std::vector<std::unique_ptr<api::ListWatch>> list_watches;
  for (std::size_t i = 0; i < resources.size(); ++i) {
    results[i].resource = resources[i].name;
    list_watches.push_back(connection.list_watch(resources[i]));
    tasks.spawn("check " + resources[i].name,
                try_resource(list_watches[i].get(), options.poll_interval == Duration::zero(),
                             &results[i]));
  }
  while (!tasks.idle() && loop.run_one() > 0) {
  }
  connection.stop();
  for (const auto& each : list_watches) each->stop();
  loop.restart();
  loop.run();
  return results;
}

}  // namespace wherry::app
