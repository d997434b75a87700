#include "proxy/app/worker.h"

#include "base/log.h"
#include "base/random.h"
#include "proxy/transparent/open_towards.h"
#include "proxy/udp/reply_path.h"

#include <boost/asio/post.hpp>

#include <optional>
#include <pthread.h>
#include <signal.h>
#include <utility>

namespace wherry::app {
namespace {

/// No two workers may make the same choices.
template <class Options>  // tcp::SessionOptions, udp::FlowOptions
Options options_of_worker(Options options, std::size_t index) {
  options.seed = RandomBits(options.seed + index).next();
  return options;
}

}  // namespace

template <class Listener>
void Worker::retire(std::unique_ptr<Listener> listener) {
  asio::post(loop_, [listener = std::move(listener)] {});
}

Worker::Worker(std::size_t index, const tcp::SessionOptions& options, const udp::FlowOptions& flows,
               const Clock& clock, tcp::SessionQuota& quota)
    : work_(loop_.get_executor()),
      timers_(loop_),
      quota_(quota),
      sessions_(loop_, timers_, clock, options_of_worker(options, index)),
      flows_(loop_, timers_, clock, options_of_worker(flows, index),
             [this](const udp::Dial& dial) { return open_flow(dial); }),
      name_("worker-" + std::to_string(index)) {}

void Worker::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), name_.c_str());
    // Signals are the control thread's business.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    loop_.run();
  });
}

/// From the client's address where the backend may see it, as tcp::Session does it.
Result<UniqueFd> Worker::open_flow(const udp::Dial& dial) {
  const balancer::LocalNetworks* networks = sessions_.local_networks();
  const balancer::ClientAndBackend both{
      dial.client.ip, dial.asked.ip, dial.to.ip,
      balancer::is_external_local(dial.entry.service_port, dial.kind)};
  std::optional<SocketAddress> as;
  if (networks != nullptr && balancer::keeps_client_address(both, *networks)) as = dial.client;
  auto opened =
      transparent::open_towards(Protocol::UDP, as, [&dial](const transparent::BindSource& bind) {
        return udp::open_backend_socket(dial.to, bind);
      });
  tcp::Counters& counters = sessions_.mutable_counters();
  if (opened.fallback) counters.client_address_failures[*opened.fallback].add(1);
  if (opened.as_client) counters.dials_as_client.add(1);
  return std::move(opened.socket);
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::open(const steer::ListenAddress& at, balancer::Entrance entrance, UniqueFd socket) {
  const SocketAddress& address = at.address;
  if (at.protocol == Protocol::UDP) {
    flows_.own_listeners().set(address, entrance);
    if (!socket) return;  // other workers listen there
    auto listener = std::make_unique<udp::Listener>(loop_, timers_, flows_, std::move(socket),
                                                    address, entrance);
    listener->start();
    udp_listeners_.insert_or_assign(address, std::move(listener));
    return;
  }
  sessions_.own_listeners().set(address, entrance);
  if (!socket) return;
  auto listener = std::make_unique<tcp::Listener>(loop_, timers_, sessions_, quota_,
                                                  std::move(socket), entrance);
  listener->start();
  listeners_.insert_or_assign(address, std::move(listener));
}

void Worker::retarget(const steer::ListenAddress& at, balancer::Entrance entrance) {
  const SocketAddress& address = at.address;
  if (at.protocol == Protocol::UDP) {
    flows_.own_listeners().set(address, entrance);
    const auto found = udp_listeners_.find(address);
    if (found != udp_listeners_.end()) found->second->retarget(entrance);
    return;
  }
  sessions_.own_listeners().set(address, entrance);
  const auto found = listeners_.find(address);
  if (found != listeners_.end()) found->second->retarget(entrance);
}

void Worker::filter(const SocketAddress& address, const std::vector<sock_filter>& program) {
  const auto found = listeners_.find(address);
  if (found == listeners_.end()) return;
  const error_code failed = steer::attach(found->second->socket(), program);
  if (!failed) return;
  sessions_.mutable_counters().filter_failures.add(1);
  steer::warn_of_no_filter(address, failed);
}

void Worker::close(const steer::ListenAddress& at) {
  const SocketAddress& address = at.address;
  if (at.protocol == Protocol::UDP) {
    flows_.own_listeners().erase(address);
    const auto found = udp_listeners_.find(address);
    if (found == udp_listeners_.end()) return;
    found->second->stop();
    retire(std::move(found->second));
    udp_listeners_.erase(found);
    return;
  }
  sessions_.own_listeners().erase(address);
  const auto found = listeners_.find(address);
  if (found == listeners_.end()) return;
  found->second->stop(tcp::Listener::Queued::Refuse);
  retire(std::move(found->second));
  listeners_.erase(found);
}

void Worker::open_shared(Protocol protocol, IpFamily family, UniqueFd socket) {
  if (!socket) return;                                     // other workers listen
  const SocketAddress nobodys{IpAddress::any(family), 0};  // nobody else has port 0
  if (protocol == Protocol::TCP) {
    auto listener =
        std::make_unique<tcp::Listener>(loop_, timers_, sessions_, quota_, std::move(socket));
    listener->start();
    listeners_.insert_or_assign(nobodys, std::move(listener));
    return;
  }
  auto reply_path = udp::RawReplyPath::open(family);
  if (!reply_path) {
    // Closed: the kernel leads datagrams to the other workers, or refuses them. Who lacks the right
    // does not come here (NodeSteering).
    log::error("a worker carries no UDP: it can't open a socket for answers",
               {{"family", to_string(family)},
                {"reason", reply_path.error().message()},
                {"remedy", "raise the limit on open files, and start wherry again"}});
    return;
  }
  auto listener = std::make_unique<udp::Listener>(
      loop_, timers_, flows_, std::move(socket), family,
      [this](const SocketAddress& asked) -> std::optional<balancer::Entrance> {
        const balancer::Entrance* found =
            flows_.own_listeners().entrances().find_with_wildcard(asked);
        return found == nullptr ? std::nullopt : std::optional(*found);
      },
      std::move(*reply_path));
  listener->start();
  udp_listeners_.insert_or_assign(nobodys, std::move(listener));
}

void Worker::lead(const std::vector<steer::EntranceChange>& changes) {
  for (const steer::EntranceChange& each : changes) {
    balancer::EntranceMap& map = each.protocol == Protocol::UDP
                                     ? flows_.own_listeners().entrances()
                                     : sessions_.own_listeners().entrances();
    if (each.entrance) {
      balancer::Entrance entrance = *each.entrance;
      // By the program that leads clients here; of datagrams it refuses none that a flow may have.
      entrance.is_judged = each.protocol == Protocol::TCP;
      map.set(each.ip, each.ports, entrance);
    } else {
      map.erase(each.ip, each.ports);
    }
  }
}

void Worker::close_listeners() {
  for (auto& [address, listener] : listeners_) {
    listener->stop(tcp::Listener::Queued::Accept);
    retire(std::move(listener));
  }
  listeners_.clear();
  sessions_.own_listeners().clear();
  // Answers leave by the sockets that the questions came in by.
  for (auto& [address, listener] : udp_listeners_) listener->stop_reading();
  flows_.drain([this] { close_udp_listeners(); });
}

void Worker::close_udp_listeners() {
  for (auto& [address, listener] : udp_listeners_) {
    listener->stop();
    retire(std::move(listener));
  }
  udp_listeners_.clear();
  flows_.own_listeners().clear();
}

void Worker::resume_listeners() {
  // Beginning after the one that got the last place: else the lowest address, if its clients never
  // cease, would get every one.
  auto at = listeners_.upper_bound(last_resumed_);
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (at == listeners_.end()) at = listeners_.begin();
    if (at->second->resume()) last_resumed_ = at->first;
    ++at;
  }
}

void Worker::stop() {
  for (auto& [address, listener] : listeners_) {
    listener->stop(tcp::Listener::Queued::Refuse);
    retire(std::move(listener));
  }
  listeners_.clear();
  sessions_.stop();
  close_udp_listeners();
  flows_.stop();
  work_.reset();
}

}  // namespace wherry::app
