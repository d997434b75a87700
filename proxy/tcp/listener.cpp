#include "proxy/tcp/listener.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/raw_socket_address.h"
#include "proxy/tcp/socket_calls.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/socket.h>
#include <tuple>

namespace wherry::tcp {
namespace {

/// Few at a time: a worker that accepts all it can starves the sessions it has (HAProxy went from
/// 100 to 4 and gained a quarter; performance.md).
constexpr int kAcceptBatch = 4;
/// At a stop, those that the kernel has let in already.
constexpr int kMostQueued = 4096;
constexpr Duration kPause = std::chrono::milliseconds(100);
/// Clients that were gone again before they were accepted, in a row.
constexpr int kMostGone = 64;

/// What accept(2) reports of a connection that is gone again, or of the network on its way here:
/// the next one may be well.
bool is_clients_loss(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

/// The address that all clients of a bound socket have connected to; none where it is bound to the
/// wildcard.
std::optional<SocketAddress> address_of_clients(int listening) {
  const SocketAddress bound = local_end(listening);
  return bound.ip.is_unspecified() ? std::nullopt : std::optional(bound);
}

}  // namespace

Listener::Listener(asio::io_context& loop, Timers& timers, SessionSet& sessions,
                   SessionQuota& quota, UniqueFd socket, balancer::Entrance entrance)
    : socket_(loop),
      unwatched_(std::move(socket)),
      timers_(timers),
      sessions_(sessions),
      quota_(quota),
      address_(address_of_clients(unwatched_.get())),
      entrance_(entrance) {}

Listener::Listener(asio::io_context& loop, Timers& timers, SessionSet& sessions,
                   SessionQuota& quota, UniqueFd socket)
    : socket_(loop),
      unwatched_(std::move(socket)),
      timers_(timers),
      sessions_(sessions),
      quota_(quota) {}

Listener::~Listener() { WHERRY_ASSERT(pending_ == 0 && !socket_.is_open()); }

void Listener::start() {
  boost::system::error_code error;
  socket_.assign(unwatched_.get(), error);
  if (error) {
    // Clients wait in its queue meanwhile.
    note_pause(error.value());
    pause_ = timers_.schedule(kPause, [this] { start(); });
    return;
  }
  std::ignore = unwatched_.release();
  wait();
}

void Listener::wait() {
  ++pending_;
  socket_.async_wait(decltype(socket_)::wait_read, [this](const boost::system::error_code& error) {
    --pending_;
    if (!error && socket_.is_open()) accept_some();
  });
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptBatch; ++i) {
    switch (accept_one()) {
      case Accepted::One:
        continue;
      case Accepted::None:
        return wait();
      case Accepted::Paused:
        return;
    }
  }
  wait();  // ends at once if more are queued, after sessions had their turn
}

Listener::Accepted Listener::accept_one() {
  SessionQuota::Permit permit = quota_.try_acquire();
  if (!permit) {
    starved_ = true;
    sessions_.mutable_counters().accept_pauses.add(1);
    return Accepted::Paused;
  }
  for (int gone = 0; gone < kMostGone; ++gone) {
    RawSocketAddress client;
    UniqueFd fd(::accept4(socket_.native_handle(), client.get(), &client.size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const SocketAddress asked = address_ ? *address_ : local_end(fd.get());
      const auto entrance = entrance_of(asked);
      if (!entrance) {
        close_with_reset(fd.get());
        fd.reset();
        sessions_.mutable_counters().closed[CloseReason::NoService].add(1);
        continue;
      }
      sessions_.open(std::move(fd), client.to_socket_address(), *entrance, std::move(permit),
                     asked);
      return Accepted::One;
    }
    if (errno == EAGAIN) return Accepted::None;
    if (is_clients_loss(errno)) continue;
    // No descriptors, no memory, or something that lasts (a security module that forbids it, a
    // socket that does not listen): no use in trying at full speed.
    note_pause(errno);
    pause_ = timers_.schedule(kPause, [this] { accept_some(); });
    return Accepted::Paused;
  }
  return Accepted::None;  // there are more; others have their turn first
}

std::optional<balancer::Entrance> Listener::entrance_of(const SocketAddress& asked) const {
  if (entrance_) return entrance_;
  const balancer::Entrance* found = sessions_.own_listeners().entrances().find_with_wildcard(asked);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void Listener::note_pause(int error) {
  if (sessions_.counters().accept_pauses.value() == 0) {
    log::warn("connections can't be accepted at the moment; clients wait",
              {{"reason", std::strerror(error)}});
  }
  sessions_.mutable_counters().accept_pauses.add(1);
}

bool Listener::resume() {
  if (!starved_ || !socket_.is_open()) return false;
  starved_ = false;
  const Accepted accepted = accept_one();
  if (accepted != Accepted::Paused) wait();
  return accepted == Accepted::One;
}

int Listener::socket() { return unwatched_ ? unwatched_.get() : socket_.native_handle(); }

void Listener::stop(Queued queued) {
  unwatched_.reset();
  pause_.cancel();
  if (!socket_.is_open()) return;
  if (queued == Queued::Accept) {
    for (int i = 0; i < kMostQueued && accept_one() == Accepted::One; ++i) {
    }
    pause_.cancel();
  }
  starved_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace wherry::tcp
