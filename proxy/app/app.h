#pragma once

#include "base/async/asio.h"
#include "base/async/asio_timers.h"
#include "base/async/coalescer.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "config/command_line.h"
#include "proxy/admin/admin_server.h"
#include "proxy/admin/admin_view.h"
#include "proxy/app/check_addresses.h"
#include "proxy/app/client_addresses.h"
#include "proxy/app/config_watch.h"
#include "proxy/app/feed.h"
#include "proxy/app/node_ground.h"
#include "proxy/app/service_cidrs.h"
#include "proxy/app/sync_progress.h"
#include "proxy/app/table_loop.h"
#include "proxy/app/worker_pool.h"
#include "proxy/health/health_check_ports.h"
#include "proxy/health/health_server.h"
#include "proxy/http/lasting_port.h"
#include "proxy/steer/bind_steering.h"
#include "proxy/steer/local_addresses.h"
#include "proxy/steer/netlink_watch.h"
#include "proxy/steer/steering.h"
#include "watcher/api/access.h"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::app {

/// How many workers these options ask for.
[[nodiscard]] std::size_t worker_count(const config::Options& options);

/// `wherry run`: makes every object, joins them, and takes them down again. The only place that
/// names concrete types; what happens between them is theirs.
///
/// The thread that calls run() is the control thread.
class App final : private admin::AdminView {
 public:
  /// `open_files` is the limit in force. With `access` a cluster is followed, without it manifests.
  /// With `ground` it steers its node, with what that has; without it listens.
  App(const config::Options& options, std::uint64_t open_files,
      std::optional<api::ClusterAccess> access = std::nullopt,
      std::unique_ptr<NodeGround> ground = nullptr);
  ~App() override;

  /// Before run(): follows the configuration file of this command, takes over what a running
  /// process can (see config/reload.h), and ends where it can't.
  void follow_configuration(const config::RunCommand& command);

  /// Serves until SIGTERM or SIGINT, then drains. Returns the exit code: 0 after a stop that
  /// drained, 1 if connections were cut; with --bind-address-hard-fail 69 or 77 if the admin or the
  /// health port could not be opened; 75 if the configuration file has changed in what needs a new
  /// process.
  [[nodiscard]] int run();

  /// Does what the first or the second SIGTERM does. Control thread; for tests post it to loop().
  void request_stop();
  [[nodiscard]] asio::io_context& loop() noexcept { return control_; }
  /// Where the admin server listens; valid once run() has started it.
  [[nodiscard]] SocketAddress admin_address() const { return admin_.address(); }

 private:
  [[nodiscard]] std::unique_ptr<Feed> make_feed(std::optional<api::ClusterAccess> access);
  [[nodiscard]] std::unique_ptr<steer::Steering> make_steering();
  void make_client_addresses();
  [[nodiscard]] steer::ReportService reporter();
  [[nodiscard]] std::unique_ptr<steer::BindSteering> make_listeners(steer::ListenRules rules);
  /// The exit code where that failed and must not.
  [[nodiscard]] std::optional<int> open_ports();
  struct PortName;
  [[nodiscard]] std::optional<int> open_port(http::LastingPort& port, const SocketAddress& address,
                                             const PortName& name);
  void finish_when_told(TimePoint deadline);
  void publish(const std::shared_ptr<const balancer::BackendTable>& table,
               const TableLoop::Origin& origin);
  void on_network_news(steer::NetworkChange change);
  void on_network_changed();
  void place_check_ports();
  void wait_for_signal();
  void drain();
  void check_drained();
  void cut();
  void finish();
  void on_configuration_changed();
  void take_over(const config::Options& next);
  void size_quota();

  // admin::AdminView
  [[nodiscard]] std::shared_ptr<const balancer::BackendTable> table() const override;
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId id) const override;
  [[nodiscard]] balancer::WaysIn ways_in() const override;
  [[nodiscard]] admin::Readiness readiness() const override;
  [[nodiscard]] MetricFamilies metrics() const override;
  [[nodiscard]] admin::ProcessFacts facts() const override;
  [[nodiscard]] bool profiling() const override { return options_.profiling; }
  void set_log_level(log::Level level) override;
  void gather_sessions(std::function<void(std::vector<admin::SessionRow>)> take) override;

  enum class Phase { Serving, Draining, Finishing };

  config::Options options_;
  const std::string node_name_;
  const std::uint64_t descriptors_;
  const std::uint64_t ephemeral_ports_;
  SystemClock clock_;
  const TimePoint started_;
  const WallTime started_at_;
  const std::vector<IpFamily> families_;  ///< that the kernel has
  asio::io_context control_{1};
  AsioTimers timers_;
  asio::thread_pool files_;  ///< one thread for files, which may take their time
  WorkerPool workers_;
  steer::KernelAddresses local_addresses_;
  const std::unique_ptr<NodeGround> ground_;  ///< null: listeners alone
  const std::unique_ptr<steer::Steering> steering_;
  std::optional<ClientAddresses> client_addresses_;                   ///< in steering `node`
  std::shared_ptr<const balancer::LocalNetworks> shown_to_backends_;  ///< null: no client is
  ServiceCidrs service_cidrs_;
  Coalescer network_changes_;
  steer::NetworkWatch network_watch_;
  SyncProgress progress_;
  TableLoop tables_;
  const std::unique_ptr<Feed> feed_;
  admin::AdminServer admin_;
  http::LastingPort admin_port_;
  health::HealthServer health_server_;
  http::LastingPort health_port_;
  CheckAddresses check_addresses_;
  health::HealthCheckPorts check_ports_;
  asio::signal_set signals_;

  Phase phase_ = Phase::Serving;
  std::shared_ptr<const balancer::BackendTable> published_;
  std::uint64_t live_generation_ = 0;  ///< of the table that every worker uses
  Histogram delays_;                   ///< seconds from a change to the table that has it
  bool listeners_closed_ = false;
  TimePoint drain_deadline_{};
  Timer drain_check_;
  std::optional<config::RunCommand> command_;  ///< whose configuration file is followed
  std::optional<ConfigWatch> config_watch_;
  std::vector<std::string> config_faults_;  ///< of the file as it is now
  int exit_code_ = 0;
};

}  // namespace wherry::app
