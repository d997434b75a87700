#include "tests/support/sockets.h"

#include "base/raw_socket_address.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>

namespace wherry::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// Waits until the socket can be read or written; throws if it can't in time.
void wait_for(int fd, short events) {
  pollfd poll{fd, events, 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  if (::poll(&poll, 1, static_cast<int>(patience.count())) != 1) {
    throw std::runtime_error("nothing happened within the patience");
  }
}

ssize_t receive_some(int fd, char* into, std::size_t size) {
  wait_for(fd, POLLIN);
  return ::recv(fd, into, size, 0);
}

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

TestListener::TestListener(const SocketAddress& address, int backlog)
    : fd_(::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const RawSocketAddress raw(address);
  if (::bind(fd_.get(), raw.get(), raw.size) != 0) fail("bind " + address.to_string());
  if (::listen(fd_.get(), backlog) != 0) fail("listen");
  RawSocketAddress bound;
  ::getsockname(fd_.get(), bound.get(), &bound.size);
  address_ = bound.to_socket_address();
}

UniqueFd TestListener::accept() const {
  wait_for(fd_.get(), POLLIN);
  UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) fail("accept");
  return fd;
}

bool TestListener::has_client(std::chrono::milliseconds patience) const {
  pollfd poll{fd_.get(), POLLIN, 0};
  return ::poll(&poll, 1, static_cast<int>(patience.count())) == 1;
}

UniqueFd TestListener::release_non_blocking() {
  set_non_blocking(fd_.get());
  return std::move(fd_);
}

UniqueFd connect_to(const SocketAddress& address) {
  UniqueFd fd(::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawSocketAddress raw(address);
  if (::connect(fd.get(), raw.get(), raw.size) != 0) fail("connect " + address.to_string());
  return fd;
}

int try_connect(const SocketAddress& address) {
  const UniqueFd fd(::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawSocketAddress raw(address);
  return ::connect(fd.get(), raw.get(), raw.size) == 0 ? 0 : errno;
}

TcpPair tcp_pair() {
  const TestListener listener;
  TcpPair pair;
  pair.near = connect_to(listener.address());
  pair.far = listener.accept();
  set_non_blocking(pair.far.get());
  RawSocketAddress near;
  ::getsockname(pair.near.get(), near.get(), &near.size);
  pair.near_address = near.to_socket_address();
  return pair;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(fd, POLLOUT);
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) continue;
    if (n < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string receive(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = receive_some(fd, bytes.data() + got, size - got);
    if (n < 0) fail("receive");
    if (n == 0) throw std::runtime_error("the other side ended early");
    got += static_cast<std::size_t>(n);
  }
  return bytes;
}

std::string receive_to_end(int fd) {
  std::string bytes;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = receive_some(fd, buffer.data(), buffer.size());
    if (n < 0) fail("receive");
    if (n == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

bool ends_well(int fd) {
  char byte = 0;
  return receive_some(fd, &byte, 1) == 0;
}

bool is_reset(int fd) {
  char byte = 0;
  return receive_some(fd, &byte, 1) < 0 && errno == ECONNRESET;
}

bool ends(int fd) {
  std::array<char, 65536> buffer;
  errno = 0;
  while (receive_some(fd, buffer.data(), buffer.size()) > 0) {
  }
  return true;  // or receive_some() has thrown
}

bool ends_with_reset(int fd) { return ends(fd) && errno == ECONNRESET; }

bool is_hung_up(int fd) {
  pollfd poll{fd, 0, 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  return ::poll(&poll, 1, static_cast<int>(patience.count())) == 1;
}

void reset(UniqueFd& fd) {
  const linger now{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd.reset();
}

void shut_down_sending(int fd) { ::shutdown(fd, SHUT_WR); }

bool has_ipv6() {
  try {
    const TestListener any({IpAddress::loopback(IpFamily::IPv6), 0});
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

SocketAddress closed_port() { return TestListener().address(); }

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace wherry::test
