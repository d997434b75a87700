#pragma once

#include "balancer/backend_table.h"
#include "base/async/timers.h"
#include "base/metrics.h"
#include "proxy/bpf/kernel_steering.h"
#include "proxy/steer/attachment_keeper.h"
#include "proxy/steer/bind_steering.h"
#include "proxy/steer/host_listeners.h"
#include "proxy/steer/listen_sockets.h"
#include "proxy/steer/node_claims.h"
#include "proxy/steer/problem_log.h"
#include "proxy/steer/repair_log.h"
#include "proxy/steer/silent_socket.h"
#include "proxy/steer/steered_network.h"
#include "proxy/steer/steering.h"
#include "watcher/model/object_key.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

/// What an operator decides about steering `node`.
struct NodeSteeringRules {
  std::vector<IpFamily> families;   ///< that the kernel has
  std::vector<Cidr> service_cidrs;  ///< none: set_service_cidrs() says
  NodePortRule node_ports;
  std::size_t workers = 1;
};

/// Whether answers over UDP can be sent from any address of a family, though no socket is bound to
/// it; else why not.
using TryAnswers = std::function<error_code(IpFamily)>;

/// What steering `node` acts upon. All outlive it.
struct NodeSteeringParts {
  bpf::KernelSteering& kernel;
  SteeredNetwork& network;
  EntranceHost& host;
  Timers& timers;
  OpenListenSockets open;
  OpenSilentSocket open_silent;
  TryAnswers try_answers;
  ListHostPorts host_ports;
  ReportService report;
};

/// Steering `node`: the node's routes bring Services' addresses here, and a program in its kernel
/// leads them to one set of sockets, which no more Services make larger.
///
/// Control thread only. What opens is told from the inside out and what closes from the outside in:
/// workers know an entrance before the kernel leads to it, and the kernel no more before they
/// forget it; so nobody is refused by a change. Every 30 seconds, and when netlink has news, it is
/// looked whether all is still there (R7). A Service without clusterIP is served at its listen
/// address, by a listener of its own.
class NodeSteering final : public Steering {
 public:
  /// `beside` serves Services without clusterIP (ListenRules::beside_node).
  NodeSteering(NodeSteeringRules rules, NodeSteeringParts parts,
               std::unique_ptr<BindSteering> beside);
  ~NodeSteering() override;

  void apply(std::shared_ptr<const balancer::BackendTable> next) override;
  void addresses_changed() override;
  void set_service_cidrs(const std::vector<Cidr>& cidrs) override;
  void stop() noexcept override;
  void undo() noexcept override;

  [[nodiscard]] bool is_in_force() const override {
    return is_kernel_told_ && attachment_.is_attached();
  }
  [[nodiscard]] std::string mode() const override { return "node"; }
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId id) const override;
  [[nodiscard]] std::optional<balancer::Entrance> entrance(
      Protocol protocol, const SocketAddress& address) const override;
  [[nodiscard]] bool is_complete() const override { return true; }
  [[nodiscard]] bool passes(const IpAddress& address) const override;
  [[nodiscard]] std::vector<Cidr> service_cidrs() const override { return scope_.service_cidrs; }
  [[nodiscard]] std::vector<std::string> problems() const override;
  [[nodiscard]] std::vector<std::string> not_carried() const override;
  [[nodiscard]] std::size_t open_addresses() const noexcept override;
  [[nodiscard]] std::size_t open_sockets() const noexcept override;
  [[nodiscard]] bool carries_udp() const noexcept override {
    return why_no_udp_.empty() || beside_->carries_udp();
  }
  void collect(MetricFamilies& into) const override;

 private:
  /// Of a destination that workers are told of at the moment.
  struct Waiting {
    std::uint64_t serial = 0;
    bpf::Steered steered;
  };

  /// A socket that the kernel shall lead clients to.
  struct Ungiven {
    Protocol protocol;
    IpFamily family;
    bpf::Group group;
    UniqueFd socket;
  };

  void open_sockets_of(IpFamily family);
  void give_sockets();
  void open_missing_sockets();
  void refresh_scope();
  [[nodiscard]] bpf::SteerScope scope_now() const;
  void lead(NodeChange change);
  void on_led(std::uint64_t serial);
  void tell_kernel(const bpf::SteerChange& change);
  void collect_counts(MetricFamilies& into) const;
  void wait_for_check();
  void check();
  void look_at_host_ports();
  [[nodiscard]] std::vector<std::string> machine_problems() const;
  void report_new_problems();

  const NodeSteeringRules rules_;
  const NodeSteeringParts parts_;
  const std::unique_ptr<BindSteering> beside_;
  NodeClaims claims_;
  std::shared_ptr<const balancer::BackendTable> table_;
  std::vector<Cidr> cluster_service_cidrs_;
  bpf::SteerScope scope_;  ///< as the kernel has it
  std::set<IpFamily> opened_;
  std::vector<UniqueFd> silent_;
  std::vector<Ungiven> ungiven_;
  std::size_t shared_sockets_ = 0;
  std::map<bpf::Destination, Waiting> waiting_;
  std::uint64_t serial_ = 0;
  std::map<std::string, std::string> failures_;  ///< what does not work now, by part
  /// What a process lacks that started without it, and does not get: not tried again. Empty: none.
  std::string why_no_udp_;
  std::set<std::pair<Protocol, std::uint16_t>> taken_node_ports_;  ///< by the host's processes
  ProblemLog problem_log_;
  RepairLog repairs_;
  AttachmentKeeper attachment_;
  Timer check_;
  bool started_ = false;
  bool is_kernel_told_ = false;  ///< of the first table
  bool stopped_ = false;
  /// Calls back from the host after this object is gone find it expired.
  std::shared_ptr<NodeSteering*> alive_ = std::make_shared<NodeSteering*>(this);
};

}  // namespace wherry::steer
