#include "proxy/tcp/relay.h"

#include "proxy/tcp/session.h"
#include "proxy/tcp/session_set.h"
#include "proxy/tcp/socket_calls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace wherry::tcp {
namespace {

/// So many times in a row one direction may read before others on this worker get their turn.
constexpr int kMostRounds = 4;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/// How much the receiver took; -1 with errno for a failure other than a full buffer.
ssize_t transmit(int fd, const std::byte* data, std::size_t size) {
  std::size_t sent = 0;
  while (sent < size) {
    const ssize_t n = ::send(fd, data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else if (would_block(errno)) {
      break;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(sent);
}

/// Takes bytes that were peeked at off the queue without copying them (tcp(7): MSG_TRUNC).
void discard(int fd, std::size_t size) {
  while (size > 0) {
    const ssize_t n = receive(fd, nullptr, size, MSG_TRUNC);
    if (n <= 0) return;
    size -= static_cast<std::size_t>(n);
  }
}

}  // namespace

Relay::~Relay() { drop_rest(); }

void Relay::send_first(std::span<const std::byte> bytes) {
  const ssize_t sent = transmit(to_.fd(), bytes.data(), bytes.size());
  if (sent < 0) return fail_write(errno);
  const auto rest = bytes.subspan(static_cast<std::size_t>(sent));
  if (rest.empty()) return;
  keep_rest(rest.data(), rest.size());
  block();
}

void Relay::pump() {
  if (state_ != State::Moving) return;
  for (int round = 0; round < kMostRounds; ++round) {
    switch (move_once()) {
      case Step::Again:
        continue;
      case Step::Wait:
        return wait_readable();
      case Step::Stop:
        return;
    }
  }
  wait_readable();  // there may be more: the wait ends at once then, after others had their turn
}

void Relay::wait_readable() {
  owner_.went_out();
  from_.wait_readable([this](const boost::system::error_code&) {
    if (owner_.came_back()) pump();
  });
}

Relay::Step Relay::move_once() {
  const bool peek = owner_.owner().kept >= SessionSet::kMostKept;
  const auto scratch = owner_.owner().scratch();
  const ssize_t n = receive(from_.fd(), scratch.data(), scratch.size(), peek ? MSG_PEEK : 0);
  if (n > 0) {
    const Step next = pass_on(static_cast<std::size_t>(n), peek);
    // A short read has emptied the queue: asking again would only be told so.
    const bool emptied = static_cast<std::size_t>(n) < scratch.size();
    return next == Step::Again && emptied ? Step::Wait : next;
  }
  if (n == 0) {
    state_ = State::Finished;
    if (owner_.on_source_ended(*this)) {
      ::shutdown(to_.fd(), SHUT_WR);
      watch_for_reset();
    }
    return Step::Stop;
  }
  if (would_block(errno)) return Step::Wait;
  owner_.on_source_failed(*this, errno);
  return Step::Stop;
}

Relay::Step Relay::pass_on(std::size_t size, bool peeked) {
  const std::byte* data = owner_.owner().scratch().data();
  const ssize_t sent = transmit(to_.fd(), data, size);
  if (sent < 0) {
    fail_write(errno);
    return Step::Stop;
  }
  const auto taken = static_cast<std::size_t>(sent);
  if (peeked) {
    discard(from_.fd(), taken);
    if (taken > 0) owner_.on_moved(*this, taken);
    bytes_ += taken;
  } else {
    owner_.on_moved(*this, size);
    bytes_ += size;
  }
  if (taken == size) return Step::Again;
  if (!peeked) keep_rest(data + taken, size - taken);
  block();
  return Step::Stop;
}

void Relay::keep_rest(const std::byte* rest, std::size_t size) {
  rest_ = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memcpy(rest_.get(), rest, size);
  rest_begin_ = 0;
  rest_end_ = static_cast<std::uint32_t>(size);
  owner_.owner().kept += size;
}

void Relay::drop_rest() noexcept {
  if (!rest_) return;
  owner_.owner().kept -= rest_end_ - rest_begin_;
  rest_.reset();
}

void Relay::block() {
  state_ = State::Blocked;
  owner_.went_out();
  to_.wait_writable([this](const boost::system::error_code&) {
    if (owner_.came_back()) on_writable();
  });
  watch_for_reset();
}

void Relay::on_writable() {
  if (state_ != State::Blocked) return;
  if (rest_) {
    const ssize_t sent = transmit(to_.fd(), rest_.get() + rest_begin_, rest_end_ - rest_begin_);
    if (sent < 0) return fail_write(errno);
    rest_begin_ += static_cast<std::uint32_t>(sent);
    owner_.owner().kept -= static_cast<std::size_t>(sent);
    if (sent > 0) owner_.on_moved(*this, 0);
    if (rest_begin_ < rest_end_) return block();
    drop_rest();
  }
  state_ = State::Moving;
  pump();
}

/// While nothing is read, only this tells that the sender is gone.
void Relay::watch_for_reset() {
  if (watching_) return;
  watching_ = true;
  owner_.went_out();
  from_.wait_error([this](const boost::system::error_code&) {
    watching_ = false;
    if (!owner_.came_back() || state_ == State::Moving || state_ == State::Broken) return;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(from_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) owner_.on_source_failed(*this, error);
  });
}

void Relay::fail_write(int error) {
  state_ = State::Broken;
  drop_rest();
  owner_.on_target_failed(*this, error);
}

}  // namespace wherry::tcp
