#include "proxy/steer/listen_sockets.h"

#include "base/raw_socket_address.h"
#include "tests/support/builders.h"

#include <boost/system/errc.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

UniqueFd new_socket(const SocketAddress& address) {
  UniqueFd fd(::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw std::runtime_error("no socket");
  return fd;
}

SocketAddress local_address(const UniqueFd& fd) {
  RawSocketAddress raw;
  if (::getsockname(fd.get(), raw.get(), &raw.size) != 0) throw std::runtime_error("no address");
  return raw.to_socket_address();
}

int option(const UniqueFd& fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(fd.get(), level, name, &value, &size);
  return value;
}

enum class Share { No, ReusePort };

/// A listener as another process has it.
UniqueFd listen_as_another_process(const SocketAddress& address, Share share) {
  UniqueFd fd = new_socket(address);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share == Share::ReusePort) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const RawSocketAddress raw(address);
  if (::bind(fd.get(), raw.get(), raw.size) != 0 || ::listen(fd.get(), 16) != 0) {
    throw std::runtime_error("another process can't listen");
  }
  return fd;
}

UniqueFd connect_to(const SocketAddress& address) {
  UniqueFd fd = new_socket(address);
  const RawSocketAddress raw(address);
  if (::connect(fd.get(), raw.get(), raw.size) != 0) throw std::runtime_error("refused");
  return fd;
}

/// The connection that some of these listeners has got.
UniqueFd accept_from(const std::vector<UniqueFd>& listeners) {
  std::vector<pollfd> waiting;
  for (const UniqueFd& listener : listeners) waiting.push_back({listener.get(), POLLIN, 0});
  if (::poll(waiting.data(), waiting.size(), 10'000) <= 0) throw std::runtime_error("nobody came");
  for (const pollfd& each : waiting) {
    if ((each.revents & POLLIN) != 0) return UniqueFd(::accept(each.fd, nullptr, nullptr));
  }
  throw std::runtime_error("nobody came");
}

std::vector<UniqueFd> open(const SocketAddress& address, std::size_t count) {
  auto sockets = open_listen_sockets(address, count);
  if (!sockets) throw std::runtime_error(sockets.error().message());
  return std::move(*sockets);
}

std::size_t open_descriptors() {
  namespace fs = std::filesystem;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

class ListenSocketsTest : public ::testing::TestWithParam<IpFamily> {
 protected:
  void SetUp() override {
    try {
      // A port that was free a moment ago; the kernel gives it to nobody else so soon.
      address_ = local_address(open({IpAddress::loopback(GetParam()), 0}, 1)[0]);
    } catch (const std::runtime_error& error) {
      if (GetParam() == IpFamily::IPv4) throw;
      GTEST_SKIP() << "no IPv6 here: " << error.what();
    }
  }

  SocketAddress address_;
};

TEST_P(ListenSocketsTest, AreAsManyAsAskedForAllOnOneAddress) {
  const auto sockets = open(address_, 4);

  ASSERT_EQ(sockets.size(), 4u);
  for (const UniqueFd& socket : sockets) {
    EXPECT_EQ(local_address(socket), address_);
    EXPECT_EQ(option(socket, SOL_SOCKET, SO_ACCEPTCONN), 1);
    EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_P(ListenSocketsTest, GetAllConnectionsBetweenThem) {
  const auto sockets = open(address_, 3);

  std::vector<UniqueFd> clients;
  std::vector<UniqueFd> accepted;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(connect_to(address_));
    accepted.push_back(accept_from(sockets));
    EXPECT_TRUE(accepted.back());
  }
}

TEST_P(ListenSocketsTest, PassNoDelayAndKeepAliveOnToConnections) {
  const auto sockets = open(address_, 1);
  const UniqueFd client = connect_to(address_);

  const UniqueFd accepted = accept_from(sockets);

  EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST_P(ListenSocketsTest, AreBusyWhereAnotherProcessListens) {
  const UniqueFd other = listen_as_another_process(address_, Share::No);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(ListenSocketsTest, AreBusyWhereAnotherProcessListensWithReusePort) {
  const UniqueFd other = listen_as_another_process(address_, Share::ReusePort);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
  EXPECT_EQ(open_listen_sockets(address_, 1).error(), errc::address_in_use);
}

TEST_P(ListenSocketsTest, AreBusyWhereAnotherProcessListensOnTheWildcardWithReusePort) {
  const UniqueFd other =
      listen_as_another_process({IpAddress::any(GetParam()), address_.port}, Share::ReusePort);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(ListenSocketsTest, AreBusyWhereEarlierOnesStillListen) {
  const auto earlier = open(address_, 2);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(ListenSocketsTest, LeaveNothingOpenWhereTheyAreBusy) {
  const UniqueFd other = listen_as_another_process(address_, Share::ReusePort);
  const std::size_t before = open_descriptors();

  EXPECT_FALSE(open_listen_sockets(address_, 4));

  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ListenSocketsTest, OpenAgainAtOnceWhileConnectionsOfEarlierOnesGoOn) {
  auto earlier = open(address_, 2);
  const UniqueFd client = connect_to(address_);
  const UniqueFd accepted = accept_from(earlier);
  earlier.clear();

  const auto later = open(address_, 2);
  const UniqueFd other_client = connect_to(address_);
  const UniqueFd other_accepted = accept_from(later);

  ASSERT_EQ(::write(client.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(accepted.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_P(ListenSocketsTest, OpenAgainAtOnceWhileConnectionsOfEarlierOnesLinger) {
  auto earlier = open(address_, 2);
  {
    const UniqueFd client = connect_to(address_);
    accept_from(earlier).reset();  // our side closes first and stays in TIME_WAIT
  }
  earlier.clear();

  EXPECT_TRUE(open_listen_sockets(address_, 2));
}

INSTANTIATE_TEST_SUITE_P(Family, ListenSocketsTest,
                         ::testing::Values(IpFamily::IPv4, IpFamily::IPv6),
                         [](const auto& row) { return std::string(to_string(row.param)); });

TEST(ListenSockets, OnTheWildcardOfIpv6LeaveIpv4ToOthers) {
  auto on_ipv6 = open_listen_sockets(SocketAddress{IpAddress::any(IpFamily::IPv6), 0}, 1);
  if (!on_ipv6) GTEST_SKIP() << "no IPv6 here: " << on_ipv6.error().message();
  const std::uint16_t port = local_address(on_ipv6->at(0)).port;

  EXPECT_TRUE(open_listen_sockets(SocketAddress{IpAddress::any(IpFamily::IPv4), port}, 1));
}

TEST(ListenSockets, OfOnePortOnTwoAddressesAreNoConflict) {
  const auto on_one = open({test::ip("127.0.0.1"), 0}, 1);

  EXPECT_TRUE(
      open_listen_sockets(SocketAddress{test::ip("127.0.0.2"), local_address(on_one[0]).port}, 1));
}

TEST(ListenSockets, OpenOnAddressesThatOnlyARouteMakesLocal) {
  bool is_prepared = false;
  std::vector<std::string> failed;
  // The namespace belongs to a thread, so that nobody else notices.
  std::thread thread([&] {
    is_prepared =
        ::unshare(CLONE_NEWNET) == 0 && std::system(
                                            "ip link set lo up && "
                                            "ip route add local 10.77.0.0/24 dev lo && "
                                            "ip -6 route add local fd77::/64 dev lo") == 0;
    if (!is_prepared) return;
    for (const char* address : {"10.77.0.5:80", "[fd77::5]:80"}) {
      const auto sockets = open_listen_sockets(test::at(address), 2);
      if (!sockets) failed.push_back(address + (": " + sockets.error().message()));
    }
    if (open_listen_sockets(test::at("[fd78::5]:80"), 2)) failed.push_back("opened fd78::5");
  });
  thread.join();
  if (!is_prepared) GTEST_SKIP() << "needs the right to make a network namespace with IPv6";

  EXPECT_THAT(failed, ::testing::IsEmpty());
}

TEST(ListenSockets, AreNotAvailableOnAnAddressOfAnotherMachine) {
  EXPECT_EQ(open_listen_sockets(SocketAddress{test::ip("203.0.113.1"), 0}, 1).error(),
            errc::address_not_available);
}

}  // namespace
}  // namespace wherry::steer
