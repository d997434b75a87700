#pragma once

#include "base/raw_socket_address.h"
#include "base/unique_fd.h"
#include "proxy/bpf/libbpf_steering.h"
#include "tests/support/builders.h"
#include "tests/support/net_namespace.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/filter.h>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <tuple>
#include <utility>

namespace wherry::bpf {

/// A socket that can be given to a group: of the wildcard or of loopback, on a free port.
inline UniqueFd group_socket(Protocol protocol, const IpAddress& at, Group group = Group::Forward) {
  const int family = address_family(at.family());
  UniqueFd fd(
      ::socket(family, (protocol == Protocol::UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  if (group == Group::Silent) {
    sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &nothing};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  }
  const RawSocketAddress raw(SocketAddress{at, 0});
  if (::bind(fd.get(), raw.get(), raw.size) != 0 ||
      (protocol == Protocol::TCP && ::listen(fd.get(), 128) != 0)) {
    throw std::runtime_error("no socket at " + at.to_string());
  }
  return fd;
}

inline SocketAddress address_of(int fd) {
  RawSocketAddress raw;
  ::getsockname(fd, raw.get(), &raw.size);
  return raw.to_socket_address();
}

/// Whether something has come for this socket within 200 ms.
inline bool has_something(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, 200) == 1;
}

/// What a client sees.
enum class Seen { Taken, Refused, Silence };
inline std::ostream& operator<<(std::ostream& out, Seen seen) {
  constexpr const char* names[] = {"taken", "refused", "silence"};
  return out << names[static_cast<int>(seen)];
}

/// Connects, or sends a datagram, and waits a moment. A datagram counts as taken if nobody refuses
/// it and `taken_by`, where given, has got it.
inline Seen try_it(Protocol protocol, const SocketAddress& to, std::optional<IpAddress> from = {},
                   int taken_by = -1) {
  UniqueFd fd(::socket(
      address_family(to.ip.family()),
      (protocol == Protocol::UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (from) {
    const RawSocketAddress raw(SocketAddress{*from, 0});
    if (::bind(fd.get(), raw.get(), raw.size) != 0) throw std::runtime_error("bind");
  }
  const RawSocketAddress raw(to);
  const bool connected = ::connect(fd.get(), raw.get(), raw.size) == 0;
  if (!connected && errno != EINPROGRESS) {
    if (errno == ECONNREFUSED) return Seen::Refused;
    throw std::runtime_error("connect " + to.to_string());
  }
  if (protocol == Protocol::UDP) {
    if (::send(fd.get(), "x", 1, 0) != 1) throw std::runtime_error("send");
    std::array<pollfd, 2> both{{{fd.get(), POLLIN, 0}, {taken_by, POLLIN, 0}}};
    ::poll(both.data(), both.size(), 200);
    if (both[1].revents != 0) {
      std::array<char, 8> datagram{};
      ::recv(taken_by, datagram.data(), datagram.size(), MSG_DONTWAIT);
      return Seen::Taken;
    }
  } else {
    pollfd poll{fd.get(), POLLOUT, 0};
    if (::poll(&poll, 1, 200) == 0) return Seen::Silence;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == ECONNREFUSED) return Seen::Refused;
  if (error != 0) throw std::runtime_error("error " + std::to_string(error));
  return protocol == Protocol::UDP ? Seen::Silence : Seen::Taken;
}

/// In a network namespace of its own, with VIPs that are routed to lo. Skipped where that can't be
/// had.
class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    space_ = std::make_unique<test::NetNamespace>();
    space_->ip("route add local 10.96.0.0/16 dev lo");
    space_->ip("-6 route add local fd00:96::/64 dev lo");
    inside_.emplace(*space_);
  }

  static std::unique_ptr<LibbpfSteering> open(const LibbpfOptions& options = {"", 1024}) {
    auto steering = LibbpfSteering::open(options);
    if (!steering) throw std::runtime_error(steering.error().message());
    return std::move(*steering);
  }
  /// All groups, with a socket each at loopback.
  void give_sockets(KernelSteering& steering) {
    for (const Protocol protocol : {Protocol::TCP, Protocol::UDP}) {
      for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
        for (const Group group : {Group::Forward, Group::Silent}) {
          UniqueFd fd = group_socket(protocol, IpAddress::loopback(family), group);
          ASSERT_FALSE(steering.set_socket(protocol, family, group, fd.get()));
          sockets_[{protocol, family, group}] = std::move(fd);
        }
      }
    }
  }
  [[nodiscard]] int socket(Protocol protocol, IpFamily family, Group group = Group::Forward) const {
    return sockets_.at({protocol, family, group}).get();
  }
  static SteerScope scope() {
    SteerScope scope;
    scope.service_cidrs = {Cidr::parse("10.96.0.0/16").value(),
                           Cidr::parse("fd00:96::/64").value()};
    return scope;
  }

  std::unique_ptr<test::NetNamespace> space_;
  std::optional<test::NetNamespace::Inside> inside_;
  std::map<std::tuple<Protocol, IpFamily, Group>, UniqueFd> sockets_;
};

}  // namespace wherry::bpf
