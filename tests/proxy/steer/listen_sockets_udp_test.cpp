#include "base/raw_socket_address.h"
#include "proxy/steer/listen_sockets.h"
#include "tests/support/sockets.h"
#include "tests/support/udp.h"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;
using test::UdpSocket;

class UdpListenSocketsTest : public ::testing::TestWithParam<IpFamily> {
 protected:
  void SetUp() override {
    if (GetParam() == IpFamily::IPv6 && !test::has_ipv6()) GTEST_SKIP() << "no IPv6 here";
    // A port that was free a moment ago.
    address_ = {UdpSocket({IpAddress::loopback(GetParam()), 0}).address(), Protocol::UDP};
  }

  [[nodiscard]] std::vector<UniqueFd> open(std::size_t count) const {
    auto sockets = open_listen_sockets(address_, count);
    if (!sockets) throw std::runtime_error(sockets.error().message());
    return std::move(*sockets);
  }
  /// Which of the sockets gets what this client sends.
  [[nodiscard]] std::size_t reached_by(const UdpSocket& client,
                                       const std::vector<UniqueFd>& sockets) const {
    client.send_to(address_.address, "x");
    std::vector<pollfd> waiting;
    for (const UniqueFd& socket : sockets) waiting.push_back({socket.get(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), 10'000) <= 0) throw std::runtime_error("nothing");
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      char byte = 0;
      (void)::recv(waiting[i].fd, &byte, 1, 0);
      return i;
    }
    throw std::runtime_error("nothing");
  }

  ListenAddress address_;
};

TEST_P(UdpListenSocketsTest, ShareTheClientsAndEachClientStaysWithOne) {
  const auto sockets = open(3);
  std::vector<int> clients_of(3);

  for (int i = 0; i < 60; ++i) {
    const UdpSocket client({IpAddress::any(GetParam()), 0});
    const std::size_t first = reached_by(client, sockets);
    EXPECT_EQ(reached_by(client, sockets), first);
    ++clients_of[first];
  }

  for (const int count : clients_of) EXPECT_GT(count, 0);
}

TEST_P(UdpListenSocketsTest, AreBusyWhereAnotherProcessIs) {
  const UdpSocket other(address_.address);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(UdpListenSocketsTest, AreBusyWhereEarlierOnesAre) {
  const auto earlier = open(2);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(UdpListenSocketsTest, AreBusyWhereAnotherProcessWouldShareThePort) {
  const UniqueFd other(
      ::socket(address_family(GetParam()), SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  const int on = 1;
  ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const RawSocketAddress raw(address_.address);
  ASSERT_EQ(::bind(other.get(), raw.get(), raw.size), 0);

  EXPECT_EQ(open_listen_sockets(address_, 2).error(), errc::address_in_use);
}

TEST_P(UdpListenSocketsTest, OpenAgainAtOnce) {
  open(2).clear();

  EXPECT_TRUE(open_listen_sockets(address_, 2));
}

TEST_P(UdpListenSocketsTest, S3_LeaveTheNumberToTcp) {
  const auto sockets = open(2);

  EXPECT_TRUE(open_listen_sockets(address_.address, 2));
}

INSTANTIATE_TEST_SUITE_P(Family, UdpListenSocketsTest,
                         ::testing::Values(IpFamily::IPv4, IpFamily::IPv6),
                         [](const auto& row) { return std::string(to_string(row.param)); });

}  // namespace
}  // namespace wherry::steer
