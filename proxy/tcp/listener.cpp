#include "proxy/tcp/listener.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/raw_socket_address.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/socket.h>

namespace wherry::tcp {
namespace {

/// Few at a time: a worker that accepts all it can starves the sessions it has (HAProxy went from
/// 100 to 4 and gained a quarter; performance.md).
constexpr int kAcceptBatch = 4;
/// At a stop, those that the kernel has let in already.
constexpr int kMostQueued = 4096;
constexpr Duration kPause = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(asio::io_context& loop, Timers& timers, SessionSet& sessions,
                   SessionQuota& quota, UniqueFd socket, balancer::ServicePortId service_port)
    : socket_(loop, socket.release()),
      timers_(timers),
      sessions_(sessions),
      quota_(quota),
      service_port_(service_port) {}

Listener::~Listener() { WHERRY_ASSERT(pending_ == 0 && !socket_.is_open()); }

void Listener::start() { wait(); }

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
  for (;;) {
    RawSocketAddress client;
    UniqueFd fd(::accept4(socket_.native_handle(), client.get(), &client.size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      sessions_.open(std::move(fd), client.to_socket_address(), service_port_, std::move(permit));
      return Accepted::One;
    }
    switch (errno) {
      case EAGAIN:
        return Accepted::None;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
      case EINVAL:  // the socket does not listen (any more): no use in trying at full speed
      case EBADF:
        pause_for_resources(errno);
        return Accepted::Paused;
      default:
        // The client is gone again, or a network error is reported early (accept(2)): next one.
        continue;
    }
  }
}

void Listener::pause_for_resources(int error) {
  if (sessions_.counters().accept_pauses.value() == 0) {
    log::warn("no descriptors or memory to accept connections with; clients wait",
              {{"reason", std::strerror(error)}});
  }
  sessions_.mutable_counters().accept_pauses.add(1);
  pause_ = timers_.schedule(kPause, [this] { accept_some(); });
}

void Listener::resume() {
  if (!starved_ || !socket_.is_open()) return;
  starved_ = false;
  accept_some();
}

void Listener::stop(Queued queued) {
  if (!socket_.is_open()) return;
  pause_.cancel();
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
