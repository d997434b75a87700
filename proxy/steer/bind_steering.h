#pragma once

#include "balancer/backend_table.h"
#include "balancer/client_filter.h"
#include "balancer/connection_verdict.h"
#include "base/async/timers.h"
#include "base/metrics.h"
#include "proxy/steer/listen_address.h"
#include "proxy/steer/listen_claims.h"
#include "proxy/steer/listen_sockets.h"
#include "proxy/steer/problem_log.h"
#include "proxy/steer/steering.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::steer {

/// Who accepts on listening sockets: the workers.
class ListenerHost {
 public:
  virtual ~ListenerHost() = default;

  [[nodiscard]] virtual std::size_t workers() const = 0;
  /// `sockets` holds one for each worker; some may be empty where descriptors are scarce.
  virtual void open(const ListenAddress& address, balancer::Entrance entrance,
                    std::vector<UniqueFd> sockets) = 0;
  /// What listens there leads elsewhere from now on.
  virtual void retarget(const ListenAddress& address, balancer::Entrance entrance) = 0;
  /// Which clients the listening sockets there answer from now on. Not for UDP.
  virtual void filter(const ListenAddress& address, const balancer::ClientFilter& clients) = 0;
  /// `closed` is called on the control thread, later, once no worker holds a socket there.
  virtual void close(const ListenAddress& address, std::function<void()> closed) = 0;
};

/// Steering `bind`: one listener per service port, on an address of this machine.
///
/// Control thread only. A service port that rejects has no listener, so that the kernel refuses its
/// clients. Where clients are dropped there is one whose sockets have a packet filter, so that the
/// kernel is silent to them; of UDP the workers are, datagram by datagram, since a filter would cut
/// the flows that go on under a new policy (U2). An address that can't be opened is reported once,
/// tried again every few seconds, and never keeps the others from being served. Listeners take no
/// more descriptors than they were given: sessions need some too. Where there are not enough for a
/// socket per worker and address, an address gets one.
class BindSteering final : public Steering {
 public:
  /// `most_sockets` may be open at once. `on_change` is called when listeners were opened or closed
  /// at another time than within apply() and addresses_changed(); `report` as a protocol that is
  /// not carried is seen (U1).
  BindSteering(ListenRules rules, const LocalAddresses& local_addresses, ListenerHost& host,
               Timers& timers, OpenListenSockets open, std::size_t most_sockets,
               std::function<void()> on_change, ReportService report = {});

  /// Follows the table; the first call opens the first listener.
  void apply(std::shared_ptr<const balancer::BackendTable> next) override;
  /// Addresses of this machine came or went.
  void addresses_changed() override;
  /// Opens nothing more; what is open is left to its host.
  void stop() noexcept override;

  [[nodiscard]] std::string mode() const override { return "bind"; }
  /// Where clients find a service port: the addresses that it owns, but those that can't be opened.
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId id) const override;
  /// Which service port has an address, open or not; the wildcard's for one that it takes in.
  [[nodiscard]] std::optional<balancer::Entrance> entrance(
      Protocol protocol, const SocketAddress& address) const override {
    return claims_.entrance_of({address, protocol});
  }
  /// Service ports that don't get an address, as one would tell an operator.
  [[nodiscard]] std::vector<std::string> problems() const override;
  /// Service ports whose protocol has no listener.
  [[nodiscard]] std::vector<std::string> not_carried() const override;
  [[nodiscard]] std::size_t open_addresses() const noexcept override;
  [[nodiscard]] std::size_t open_sockets() const noexcept override { return open_sockets_; }
  [[nodiscard]] bool carries_udp() const noexcept override;
  [[nodiscard]] std::uint64_t filter_failures() const noexcept override { return filter_failures_; }
  void collect(MetricFamilies& into) const override;

 private:
  struct Place {
    enum class State { Closed, Open, Closing, Busy };
    State state = State::Closed;
    balancer::Entrance served;       ///< by the open listener
    balancer::ClientFilter clients;  ///< whom the open listener answers
    std::size_t sockets = 0;         ///< of the open listener
    std::string reason;              ///< why it can't be opened
  };

  void apply_difference(const balancer::BackendTable& old);
  void settle(const std::set<ListenAddress>& addresses);
  void settle(const ListenAddress& address);
  void update_open(const ListenAddress& address, Place& place, balancer::Entrance wanted);
  void open(const ListenAddress& address, Place& place, balancer::Entrance entrance);
  [[nodiscard]] Result<std::vector<UniqueFd>> open_sockets_at(const ListenAddress& address);
  [[nodiscard]] std::size_t sockets_for_one() const;
  [[nodiscard]] bool is_overlapped(const ListenAddress& address) const;
  void close(const ListenAddress& address, Place& place);
  void set_busy(const ListenAddress& address, Place& place, const error_code& error);
  [[nodiscard]] balancer::ClientFilter clients_of(const ListenAddress& address,
                                                  balancer::Entrance entrance) const;
  void retry_busy();
  [[nodiscard]] std::vector<std::string> claim_texts(bool not_carried) const;

  ListenClaims claims_;
  ListenerHost& host_;
  Timers& timers_;
  const OpenListenSockets open_;
  const std::size_t most_sockets_;
  const std::function<void()> on_change_;
  std::shared_ptr<const balancer::BackendTable> table_;
  std::map<ListenAddress, Place> places_;
  ProblemLog problem_log_;
  Timer retry_;
  std::size_t open_sockets_ = 0;  ///< those being closed included
  std::size_t next_worker_ = 0;   ///< who gets the next listener that has not one for each
  std::uint64_t filter_failures_ = 0;
  bool stopped_ = false;
  /// Calls back from the host after this object is gone find it expired.
  std::shared_ptr<BindSteering*> alive_ = std::make_shared<BindSteering*>(this);
};

}  // namespace wherry::steer
