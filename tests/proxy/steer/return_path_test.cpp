// Clients' addresses at backends, in network namespaces: a node with two pods behind routed links,
// and a stranger behind a router.
#include "proxy/steer/return_path.h"

#include "base/raw_socket_address.h"
#include "proxy/transparent/come_from.h"
#include "tests/support/builders.h"
#include "tests/support/net_namespace.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <linux/netlink.h>
#include <memory>
#include <netinet/in.h>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <variant>

namespace wherry::steer {
namespace {

using test::ip;
using test::NetNamespace;

enum class Pods { Routed, Bridged };

struct Case {
  const char* name;
  ReturnPath::How how;
  IpFamily family;
  Pods pods;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

UniqueFd open_socket(IpFamily family, int type) {
  UniqueFd socket(::socket(address_family(family), type | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 3, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    ::setsockopt(socket.get(), SOL_SOCKET, option, &patience, sizeof patience);
  }
  return socket;
}

void bind_to(int socket, const SocketAddress& address) {
  const RawSocketAddress raw(address);
  if (::bind(socket, raw.get(), raw.size) != 0) throw std::runtime_error(std::strerror(errno));
}
/// 0, or why not.
int connect_now(int socket, const SocketAddress& address) {
  const RawSocketAddress raw(address);
  return ::connect(socket, raw.get(), raw.size) == 0 ? 0 : errno;
}
SocketAddress local_end(int socket) {
  RawSocketAddress raw;
  ::getsockname(socket, raw.get(), &raw.size);
  return raw.to_socket_address();
}
SocketAddress far_end(int socket) {
  RawSocketAddress raw;
  ::getpeername(socket, raw.get(), &raw.size);
  return raw.to_socket_address();
}

/// What of this namespace a return path could leave behind.
std::string everything(const NetNamespace& space) {
  const NetNamespace::Inside inside(space);
  std::string text;
  for (const char* command :
       {"ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all type local",
        "tc qdisc", "nft list ruleset 2>/dev/null"}) {
    FILE* const pipe = ::popen(command, "re");
    std::array<char, 512> some{};
    while (std::fgets(some.data(), some.size(), pipe) != nullptr) {
      // Link-local addresses come by and by.
      if (std::string_view(some.data()).find("fe80:") == std::string_view::npos)
        text += some.data();
    }
    ::pclose(pipe);
  }
  return text;
}

class ReturnPaths : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    node_ = std::make_unique<NetNamespace>();
    client_pod_ = std::make_unique<NetNamespace>();
    backend_pod_ = std::make_unique<NetNamespace>();
    {
      const NetNamespace::Inside inside(*node_);
      write("/proc/sys/net/ipv4/ip_forward", "1");
      write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
      // The strictest look at sources there is, and with marks at that.
      write("/proc/sys/net/ipv4/conf/all/rp_filter", "1");
      write("/proc/sys/net/ipv4/conf/all/src_valid_mark", "1");
      netlink_ = std::make_unique<NetlinkSocket>(NETLINK_ROUTE);
    }
    if (GetParam().pods == Pods::Bridged) {
      node_->ip("link add cni0 type bridge");
      node_->ip("addr add 10.244.1.1/24 dev cni0");
      node_->ip("addr add fd00:1::1/64 dev cni0 nodad");
      node_->ip("link set cni0 up");
    }
    add_pod(*client_pod_, "client", "2");
    add_pod(*backend_pod_, "backend", "3");
    client_ = v4() ? ip("10.244.1.2") : ip("fd00:1::2");
    backend_ = v4() ? ip("10.244.1.3") : ip("fd00:1::3");
    before_ = everything(*node_);
  }

  static void write(const char* path, const char* text) { std::ofstream(path) << text; }
  [[nodiscard]] static bool v4() { return GetParam().family == IpFamily::IPv4; }

  void add_pod(const NetNamespace& pod, const std::string& name, const std::string& number) const {
    node_->ip("link add " + name + " type veth peer name eth0 netns " + pod.path());
    const bool bridged = GetParam().pods == Pods::Bridged;
    const std::string v4 = "10.244.1." + number;
    const std::string v6 = "fd00:1::" + number;
    pod.ip("link set eth0 up");
    if (bridged) {
      node_->ip("link set " + name + " master cni0");
      node_->ip("link set " + name + " up");
      pod.ip("addr add " + v4 + "/24 dev eth0");
      pod.ip("addr add " + v6 + "/64 dev eth0 nodad");
    } else {
      node_->ip("link set " + name + " up");
      node_->ip("addr add 10.244.1.1/32 dev " + name);
      node_->ip("addr add fd00:1::1/128 dev " + name + " nodad");
      node_->ip("route add " + v4 + "/32 dev " + name);
      node_->ip("-6 route add " + v6 + "/128 dev " + name);
      pod.ip("addr add " + v4 + "/32 dev eth0");
      pod.ip("addr add " + v6 + "/128 dev eth0 nodad");
      pod.ip("route add 10.244.1.1 dev eth0");
      pod.ip("-6 route add fd00:1::1 dev eth0");
    }
    pod.ip("route add default via 10.244.1.1");
    pod.ip("-6 route add default via fd00:1::1");
  }

  [[nodiscard]] NetworkState now() {
    auto state = NetlinkReader(*netlink_).read();
    if (!state) throw std::runtime_error(state.error().message());
    return std::move(*state);
  }

  void open() {
    const NetNamespace::Inside inside(*node_);
    auto opened = ReturnPath::open(GetParam().how, *netlink_, now(), {});
    if (const auto* why = std::get_if<std::string>(&opened)) FAIL() << *why;
    path_ = std::move(std::get<std::unique_ptr<ReturnPath>>(opened));
    EXPECT_TRUE(path_->problems().empty()) << path_->problems().front();
  }

  [[nodiscard]] UniqueFd listen_in(const NetNamespace& space) const {
    const NetNamespace::Inside inside(space);
    UniqueFd socket = open_socket(GetParam().family, SOCK_STREAM);
    bind_to(socket.get(), {IpAddress::any(GetParam().family), 0});
    ::listen(socket.get(), 8);
    return socket;
  }
  [[nodiscard]] static UniqueFd accept_on(const UniqueFd& listener) {
    return UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  /// A connection from the node to the backend, as the client's.
  [[nodiscard]] UniqueFd connect_as(const SocketAddress& client, std::uint16_t port,
                                    int& failed) const {
    const NetNamespace::Inside inside(*node_);
    UniqueFd socket = open_socket(GetParam().family, SOCK_STREAM);
    const error_code error =
        transparent::come_from(socket.get(), Protocol::TCP, client, transparent::Port::Clients);
    if (error) throw std::runtime_error(error.message());
    failed = connect_now(socket.get(), {backend_, port});
    return socket;
  }
  /// From the client's pod, without us.
  [[nodiscard]] UniqueFd connect_directly(std::uint16_t from, std::uint16_t port) const {
    const NetNamespace::Inside inside(*client_pod_);
    UniqueFd socket = open_socket(GetParam().family, SOCK_STREAM);
    bind_to(socket.get(), {client_, from});
    EXPECT_EQ(connect_now(socket.get(), {backend_, port}), 0);
    return socket;
  }

  std::unique_ptr<NetNamespace> node_;
  std::unique_ptr<NetNamespace> client_pod_;
  std::unique_ptr<NetNamespace> backend_pod_;
  std::unique_ptr<NetlinkSocket> netlink_;
  std::unique_ptr<ReturnPath> path_;
  IpAddress client_;
  IpAddress backend_;
  std::string before_;
};

TEST_P(ReturnPaths, F5_TheBackendSeesTheClientAndDirectConnectionsGoOn) {
  open();
  const UniqueFd listener = listen_in(*backend_pod_);
  const std::uint16_t port = local_end(listener.get()).port;
  const UniqueFd direct = connect_directly(40001, port);
  const UniqueFd direct_end = accept_on(listener);

  int failed = 0;
  const UniqueFd ours = connect_as({client_, 40000}, port, failed);
  ASSERT_EQ(failed, 0) << std::strerror(failed);
  const UniqueFd pod = accept_on(listener);

  EXPECT_EQ(far_end(pod.get()).ip, client_);
  test::send_all(ours.get(), "question");
  EXPECT_EQ(test::receive(pod.get(), 8), "question");
  test::send_all(pod.get(), "answer");
  EXPECT_EQ(test::receive(ours.get(), 6), "answer");
  test::send_all(direct_end.get(), "direct");
  EXPECT_EQ(test::receive(direct.get(), 6), "direct");
}

TEST_P(ReturnPaths, AClosedPortIsRefusedAtOnce) {
  open();
  int failed = 0;
  const UniqueFd ours = connect_as({client_, 40000}, 1, failed);
  EXPECT_EQ(failed, ECONNREFUSED);
}

TEST_P(ReturnPaths, WithoutItTheAnswersGoToTheClient) {
  const UniqueFd listener = listen_in(*backend_pod_);
  int failed = 0;
  const UniqueFd ours = connect_as({client_, 40000}, local_end(listener.get()).port, failed);
  EXPECT_TRUE(failed == EINPROGRESS || failed == EAGAIN || failed == ETIMEDOUT) << failed;
}

TEST_P(ReturnPaths, DatagramsComeBackAndSoDoErrors) {
  open();
  UniqueFd pod;
  {
    const NetNamespace::Inside inside(*backend_pod_);
    pod = open_socket(GetParam().family, SOCK_DGRAM);
    bind_to(pod.get(), {IpAddress::any(GetParam().family), 0});
  }
  const std::uint16_t port = local_end(pod.get()).port;
  const auto flow = [this](std::uint16_t from, std::uint16_t to) {
    const NetNamespace::Inside inside(*node_);
    UniqueFd socket = open_socket(GetParam().family, SOCK_DGRAM);
    EXPECT_FALSE(transparent::come_from(socket.get(), Protocol::UDP, {client_, from},
                                        transparent::Port::Clients));
    EXPECT_EQ(connect_now(socket.get(), {backend_, to}), 0);
    return socket;
  };
  const UniqueFd ours = flow(40000, port);
  // Larger than the link's MTU: it comes back in fragments, of which one has the ports. Without
  // connection tracking nftables sees them one by one.
  const bool fragmented = GetParam().how == ReturnPath::How::Programs;
  const std::string large(fragmented ? 4000 : 1000, 'x');
  ASSERT_EQ(::send(ours.get(), "?", 1, 0), 1);
  std::array<char, 8> question{};
  RawSocketAddress from;
  ASSERT_EQ(::recvfrom(pod.get(), question.data(), question.size(), 0, from.get(), &from.size), 1)
      << std::strerror(errno);
  EXPECT_EQ(from.to_socket_address(), (SocketAddress{client_, 40000}));
  ASSERT_EQ(::sendto(pod.get(), large.data(), large.size(), 0, from.get(), from.size),
            static_cast<ssize_t>(large.size()));
  std::string answer(8000, ' ');
  EXPECT_EQ(::recv(ours.get(), answer.data(), answer.size(), 0), static_cast<ssize_t>(large.size()))
      << std::strerror(errno);

  const UniqueFd refused = flow(40002, 1);
  ASSERT_EQ(::send(refused.get(), "?", 1, 0), 1);
  EXPECT_EQ(::recv(refused.get(), answer.data(), answer.size(), 0), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
}

TEST_P(ReturnPaths, NothingIsLeftBehind) {
  open();
  EXPECT_NE(everything(*node_), before_);
  NodeRecord record;
  path_->add_to(record);

  EXPECT_FALSE(path_->remove_all());

  EXPECT_EQ(everything(*node_), before_);
  NodeRecord empty;
  EXPECT_FALSE(record.mark_rules.empty());
}

TEST_P(ReturnPaths, WhatACrashedOneLeftGoesByItsRecord) {
  open();
  NodeRecord record;
  path_->add_to(record);
  path_.reset();  // as if killed: nothing is undone
  EXPECT_NE(everything(*node_), before_);

  {
    const NetNamespace::Inside inside(*node_);
    EXPECT_FALSE(remove_return_path(*netlink_, record).failure);
  }

  EXPECT_EQ(everything(*node_), before_);
}

TEST_P(ReturnPaths, R5_WhatACrashedOneLeftGoesWithoutARecordToo) {
  open();
  path_.reset();
  const NetNamespace::Inside inside(*node_);

  const RemovedReturnPath removed = remove_return_path(*netlink_, {});

  EXPECT_FALSE(removed.failure);
  EXPECT_EQ(removed.links > 0, GetParam().how == ReturnPath::How::Programs);
  EXPECT_EQ(everything(*node_), before_);
  EXPECT_EQ(remove_return_path(*netlink_, {}).links, 0u) << "nothing is found again";
}

TEST_P(ReturnPaths, R5_WhatIsSomebodyElsesStaysThoughItLooksLikeOurs) {
  const NetNamespace::Inside inside(*node_);
  // Of our priority and handle, and on a qdisc that is not ours: a program of another name.
  const std::string object = "bpf bytecode '1,6 0 0 4294967295,'";
  ASSERT_EQ(std::system(("tc qdisc add dev client clsact && tc filter add dev client ingress "
                         "protocol all prio 1 handle 87 " +
                         object)
                            .c_str()),
            0);
  const std::string with = everything(*node_);

  EXPECT_EQ(remove_return_path(*netlink_, {}).links, 0u);

  EXPECT_EQ(everything(*node_), with);
  EXPECT_EQ(std::system("tc filter show dev client ingress | grep -q 'handle 0x57'"), 0);
}

TEST_P(ReturnPaths, APredecessorThatDidItTheOtherWayIsReplaced) {
  open();
  NodeRecord record;
  path_->add_to(record);
  path_.reset();
  const bool had_programs = GetParam().how == ReturnPath::How::Programs;
  const auto other = had_programs ? ReturnPath::How::Nft : ReturnPath::How::Programs;

  const NetNamespace::Inside inside(*node_);
  auto opened = ReturnPath::open(other, *netlink_, now(), record);

  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<ReturnPath>>(opened));
  NetlinkTrafficControl tc(*netlink_);
  EXPECT_EQ(tc.hooked()->empty(), had_programs);
  EXPECT_EQ(std::system("nft list table inet wherry_return >/dev/null 2>&1") == 0, had_programs);
}

TEST_P(ReturnPaths, R7_WhatSomebodyTookAwayIsPutBack) {
  open();
  const std::string with = everything(*node_);
  EXPECT_EQ(path_->check(now()).repairs, Repairs{});
  node_->ip("rule del fwmark 0x40/0x40 lookup 87");
  Repairs taken{{"the ip rule for answers to clients, IPv4", 1}};
  {
    const NetNamespace::Inside inside(*node_);
    if (GetParam().how == ReturnPath::How::Programs) {
      ASSERT_EQ(std::system("tc qdisc del dev client clsact"), 0);
      ASSERT_EQ(std::system("tc filter del dev backend ingress"), 0);
      taken["tc filters wherry_return at interfaces"] = 2;
    } else if (std::system("nft delete table inet wherry_return 2>/dev/null") == 0) {
      taken["the nftables table wherry_return"] = 1;
    }
    EXPECT_EQ(path_->check(now()).repairs, taken);
    EXPECT_EQ(path_->check(now()).repairs, Repairs{});
  }
  EXPECT_EQ(everything(*node_), with);
}

TEST_P(ReturnPaths, InterfacesAreFollowedAsTheyComeAndGo) {
  if (GetParam().how == ReturnPath::How::Nft) return;  // it looks at all of them as it is
  open();
  const std::size_t had = path_->interfaces();
  node_->ip("link add late type veth peer name later");
  EXPECT_EQ(path_->check(now()).repairs, Repairs{});
  EXPECT_EQ(path_->interfaces(), had + 2);
  node_->ip("link del late");
  EXPECT_EQ(path_->check(now()).repairs, Repairs{});
  EXPECT_EQ(path_->interfaces(), had);
}

TEST_P(ReturnPaths, AQdiscOfSomebodyElseStaysAndSoDoesOneThatSomebodyUses) {
  if (GetParam().how == ReturnPath::How::Nft) return;
  {
    const NetNamespace::Inside inside(*node_);
    ASSERT_EQ(std::system("tc qdisc add dev client clsact"), 0);
  }
  open();
  {
    const NetNamespace::Inside inside(*node_);
    ASSERT_EQ(std::system("tc filter add dev backend egress prio 7 bpf bytecode '1,6 0 0 0'"), 0);
  }
  const NetNamespace::Inside inside(*node_);
  EXPECT_FALSE(path_->remove_all());
  NetlinkTrafficControl tc(*netlink_);
  EXPECT_EQ(tc.hooked()->size(), 2u);
  EXPECT_EQ(std::system("tc filter show dev client ingress | grep -q wherry"), 256);
}

INSTANTIATE_TEST_SUITE_P(
    Namespaces, ReturnPaths,
    ::testing::Values(
        Case{"ProgramsIPv4", ReturnPath::How::Programs, IpFamily::IPv4, Pods::Routed},
        Case{"ProgramsIPv6", ReturnPath::How::Programs, IpFamily::IPv6, Pods::Routed},
        Case{"ProgramsIPv4Bridged", ReturnPath::How::Programs, IpFamily::IPv4, Pods::Bridged},
        Case{"ProgramsIPv6Bridged", ReturnPath::How::Programs, IpFamily::IPv6, Pods::Bridged},
        Case{"NftIPv4", ReturnPath::How::Nft, IpFamily::IPv4, Pods::Routed},
        Case{"NftIPv6", ReturnPath::How::Nft, IpFamily::IPv6, Pods::Routed}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace wherry::steer
