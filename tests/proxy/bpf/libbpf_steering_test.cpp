#include "proxy/bpf/libbpf_steering.h"

#include "tests/proxy/bpf/kernel_fixture.h"
#include "tests/support/log_capture.h"
#include "tests/support/sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <vector>

namespace wherry::bpf {
namespace {

using balancer::Verdict;
using test::at;
using test::ip;

constexpr auto kTcp = Protocol::TCP;
constexpr auto kUdp = Protocol::UDP;

class LibbpfSteeringTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    steering_ = open();
    give_sockets(*steering_);
  }
  void serve(const std::vector<Destination>& destinations, const Steered& steered = {},
             const SteerScope& known = scope()) {
    SteerChange change{.set = {}, .erase = {}, .scope = known};
    for (const Destination& each : destinations) change.set.emplace_back(each, steered);
    ASSERT_FALSE(steering_->apply(change));
    ASSERT_FALSE(steering_->attach());
  }

  /// What the kernel calls the namespace that the thread is in.
  static __u32 number() {
    struct stat space{};
    ::stat("/proc/thread-self/ns/net", &space);
    return static_cast<__u32>(space.st_ino);
  }

  std::unique_ptr<LibbpfSteering> steering_;
};

TEST_F(LibbpfSteeringTest, TheAcceptedSocketSaysWhichAddressAndPortWereAskedFor) {
  serve({Destination::of(kTcp, ip("10.96.0.1"), 80), Destination::of(kTcp, ip("fd00:96::1"), 81)});

  for (const char* vip : {"10.96.0.1:80", "[fd00:96::1]:81"}) {
    const UniqueFd client = test::connect_to(at(vip));
    const UniqueFd accepted(::accept(socket(kTcp, at(vip).ip.family()), nullptr, nullptr));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(address_of(accepted.get()), at(vip));
  }
}

TEST_F(LibbpfSteeringTest, AnIpv6SocketThatAsksForAMappedAddressGetsTheIpv4Service) {
  serve({Destination::of(kTcp, ip("10.96.0.1"), 80)});
  const UniqueFd client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  RawSocketAddress mapped(at("[::1]:80"));
  const std::array<std::uint8_t, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 1};
  std::copy(bytes.begin(), bytes.end(),
            reinterpret_cast<sockaddr_in6*>(mapped.get())->sin6_addr.s6_addr);

  ASSERT_EQ(::connect(client.get(), mapped.get(), mapped.size), 0);

  EXPECT_TRUE(has_something(socket(kTcp, IpFamily::IPv4)));
}

TEST_F(LibbpfSteeringTest, E10_AProcessOnTheWildcardIsNotReachableAtAVip) {
  const UniqueFd tcp = group_socket(kTcp, ip("0.0.0.0"));
  const UniqueFd udp = group_socket(kUdp, ip("::"));
  const std::uint16_t tcp_port = address_of(tcp.get()).port;
  const std::uint16_t udp_port = address_of(udp.get()).port;
  ASSERT_EQ(try_it(kTcp, {ip("10.96.0.1"), tcp_port}), Seen::Taken) << "what this is all about";

  serve({Destination::of(kTcp, ip("10.96.0.1"), 80), Destination::of(kTcp, ip("fd00:96::1"), 80)});

  EXPECT_EQ(try_it(kTcp, {ip("10.96.0.1"), tcp_port}), Seen::Refused);
  EXPECT_EQ(try_it(kUdp, {ip("fd00:96::1"), udp_port}, {}, udp.get()), Seen::Refused);
  EXPECT_EQ(try_it(kTcp, {ip("10.96.0.9"), tcp_port}), Seen::Silence) << "a free address";
  EXPECT_EQ(try_it(kUdp, {ip("fd00:96::9"), udp_port}, {}, udp.get()), Seen::Silence);
  EXPECT_EQ(try_it(kTcp, {ip("127.0.0.1"), tcp_port}), Seen::Taken) << "its own address";
  EXPECT_EQ(try_it(kUdp, {ip("::1"), udp_port}, {}, udp.get()), Seen::Taken);
}

TEST_F(LibbpfSteeringTest, F3_ANodePortCountsOnLoopbackInBothFamilies) {
  const std::uint16_t port = 30080;
  serve({Destination::node_port(kTcp, IpFamily::IPv4, port),
         Destination::node_port(kUdp, IpFamily::IPv6, port)});

  EXPECT_EQ(try_it(kTcp, {ip("127.0.0.1"), port}), Seen::Taken);
  EXPECT_EQ(try_it(kTcp, {ip("127.0.0.7"), port}), Seen::Taken);
  EXPECT_EQ(try_it(kUdp, {ip("::1"), port}, {}, socket(kUdp, IpFamily::IPv6)), Seen::Taken);
  EXPECT_EQ(try_it(kTcp, {ip("::1"), port}), Seen::Refused) << "nobody listens there";
}

TEST_F(LibbpfSteeringTest, F4_TheServiceWinsOverAProcessOnItsNodePort) {
  const UniqueFd process = group_socket(kTcp, ip("0.0.0.0"));
  const std::uint16_t port = address_of(process.get()).port;

  serve({Destination::node_port(kTcp, IpFamily::IPv4, port)});

  EXPECT_EQ(try_it(kTcp, {ip("127.0.0.1"), port}), Seen::Taken);
  EXPECT_TRUE(has_something(socket(kTcp, IpFamily::IPv4)));
  EXPECT_FALSE(has_something(process.get()));
}

TEST_F(LibbpfSteeringTest, EachSocketOfAReuseportGroupGetsSome) {
  std::vector<UniqueFd> group;
  SocketAddress address = at("127.0.0.1:0");
  for (int i = 0; i < 2; ++i) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const RawSocketAddress raw(address);
    ASSERT_EQ(::bind(fd.get(), raw.get(), raw.size), 0);
    ASSERT_EQ(::listen(fd.get(), 128), 0);
    address = address_of(fd.get());
    group.push_back(std::move(fd));
  }
  serve({Destination::of(kTcp, ip("10.96.0.1"), 80)});
  ASSERT_FALSE(steering_->set_socket(kTcp, IpFamily::IPv4, Group::Forward, group[0].get()));

  std::vector<UniqueFd> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(test::connect_to(at("10.96.0.1:80")));

  EXPECT_TRUE(has_something(group[0].get()));
  EXPECT_TRUE(has_something(group[1].get()));
}

TEST_F(LibbpfSteeringTest, R7_SaysThatItWasDetachedAndPutsItBack) {
  serve({Destination::of(kTcp, ip("10.96.0.1"), 80)});
  EXPECT_EQ(steering_->attachment().value(), Attachment::Whole);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);

  __u32 id = 0;  // what `bpftool link detach` does
  while (::bpf_link_get_next_id(id, &id) == 0) {
    const UniqueFd link(::bpf_link_get_fd_by_id(id));
    bpf_link_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 &&
        info.type == BPF_LINK_TYPE_NETNS && info.netns.netns_ino == number()) {
      ASSERT_EQ(::bpf_link_detach(link.get()), 0);
    }
  }
  EXPECT_EQ(steering_->attachment().value(), Attachment::Detached);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Refused);

  ASSERT_FALSE(steering_->attach());
  EXPECT_EQ(steering_->attachment().value(), Attachment::Whole);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
}

TEST_F(LibbpfSteeringTest, WithoutPinsNothingIsLeftAtTheEnd) {
  serve({Destination::of(kTcp, ip("10.96.0.1"), 80)});
  const UniqueFd process = group_socket(kTcp, ip("0.0.0.0"));
  const SocketAddress at_vip{ip("10.96.0.1"), address_of(process.get()).port};
  ASSERT_EQ(try_it(kTcp, at_vip), Seen::Refused);

  steering_->close(KernelSteering::Pins::Keep);

  EXPECT_EQ(try_it(kTcp, at_vip), Seen::Taken);
  EXPECT_EQ(steering_->attachment().value(), Attachment::Detached);
}

TEST_F(LibbpfSteeringTest, ASocketThatCanNotTakeAnythingIsRefused) {
  const UniqueFd unconnected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

  EXPECT_TRUE(steering_->set_socket(kTcp, IpFamily::IPv4, Group::Forward, unconnected.get()));
  EXPECT_TRUE(
      steering_->set_socket(Protocol::SCTP, IpFamily::IPv4, Group::Forward, unconnected.get()));
}

// --- every verdict for every kind of client, by real packets ---

class VerdictsTest : public LibbpfSteeringTest,
                     public ::testing::WithParamInterface<std::tuple<Protocol, IpFamily>> {
 protected:
  void SetUp() override {
    LibbpfSteeringTest::SetUp();
    if (IsSkipped()) return;
    outside_ = std::make_unique<test::NetNamespace>();
    space_->ip("link add name to-out type veth peer name to-node");
    space_->ip("link set to-node netns " + outside_->path());
    space_->ip("address add 192.0.2.1/24 dev to-out");
    space_->ip("address add 2001:db8::1/64 dev to-out nodad");
    space_->ip("link set to-out up");
    outside_->ip("address add 192.0.2.50/24 dev to-node");
    outside_->ip("address add 2001:db8::50/64 dev to-node nodad");
    outside_->ip("address add 10.244.1.5/32 dev to-node");
    outside_->ip("address add fd00:244:1::5/128 dev to-node nodad");
    outside_->ip("link set to-node up");
    outside_->ip("route add 10.96.0.0/16 via 192.0.2.1");
    outside_->ip("-6 route add fd00:96::/64 via 2001:db8::1");
    space_->ip("route add 10.244.1.0/24 via 192.0.2.50");
    space_->ip("-6 route add fd00:244:1::/64 via 2001:db8::50");
  }

  [[nodiscard]] Seen ask(balancer::ClientKind kind, const SocketAddress& vip) const {
    const auto [protocol, family] = GetParam();
    const bool ipv4 = family == IpFamily::IPv4;
    const int taken_by = socket(protocol, family);
    switch (kind) {
      case balancer::ClientKind::Node:
        return try_it(protocol, vip, ipv4 ? ip("192.0.2.1") : ip("2001:db8::1"), taken_by);
      case balancer::ClientKind::Pod: {
        const test::NetNamespace::Inside there(*outside_);
        return try_it(protocol, vip, ipv4 ? ip("10.244.1.5") : ip("fd00:244:1::5"), taken_by);
      }
      case balancer::ClientKind::Outside:
        break;
    }
    const test::NetNamespace::Inside there(*outside_);
    return try_it(protocol, vip, ipv4 ? ip("192.0.2.50") : ip("2001:db8::50"), taken_by);
  }

  std::unique_ptr<test::NetNamespace> outside_;
};

TEST_P(VerdictsTest, E8_EachKindOfClientSeesItsVerdict) {
  const auto [protocol, family] = GetParam();
  const IpAddress vip = family == IpFamily::IPv4 ? ip("10.96.0.1") : ip("fd00:96::1");
  SteerScope known = scope();
  known.node_addresses = {ip("192.0.2.1"), ip("2001:db8::1")};
  known.pod_cidrs = {Cidr::parse("10.244.1.0/24").value(), Cidr::parse("fd00:244:1::/64").value()};
  const std::array verdicts{Verdict::Forward, Verdict::Reject, Verdict::Drop};
  const std::array seen{Seen::Taken, Seen::Refused, Seen::Silence};
  serve({}, {}, known);

  for (std::size_t turn = 0; turn < 3; ++turn) {
    const auto port = static_cast<std::uint16_t>(80 + turn);
    Steered steered;
    for (std::size_t kind = 0; kind < 3; ++kind) {
      steered.by_client[kind] = verdicts[(kind + turn) % 3];
    }
    ASSERT_FALSE(steering_->apply(
        {.set = {{Destination::of(protocol, vip, port), steered}}, .erase = {}, .scope = {}}));
    for (std::size_t kind = 0; kind < 3; ++kind) {
      EXPECT_EQ(ask(static_cast<balancer::ClientKind>(kind), {vip, port}), seen[(kind + turn) % 3])
          << balancer::to_string(static_cast<balancer::ClientKind>(kind)) << " in turn " << turn;
    }
  }
}

TEST_P(VerdictsTest, F1_AnOutsiderWhoMayNotHearsNothing) {
  const auto [protocol, family] = GetParam();
  const IpAddress vip = family == IpFamily::IPv4 ? ip("10.96.0.1") : ip("fd00:96::1");
  const IpAddress may = family == IpFamily::IPv4 ? ip("192.0.2.50") : ip("2001:db8::50");
  serve({Destination::of(protocol, vip, 80)}, {{}, std::vector{Cidr::of(may)}});

  EXPECT_EQ(ask(balancer::ClientKind::Outside, {vip, 80}), Seen::Taken);
  EXPECT_EQ(ask(balancer::ClientKind::Pod, {vip, 80}), Seen::Silence);
}

TEST_P(VerdictsTest, E8_WhatComesInByAPodsInterfaceIsAPod) {
  const auto [protocol, family] = GetParam();
  const IpAddress vip = family == IpFamily::IPv4 ? ip("10.96.0.1") : ip("fd00:96::1");
  SteerScope known = scope();
  known.pod_interfaces = {::if_nametoindex("to-out")};
  serve({Destination::of(protocol, vip, 80)},
        {{Verdict::Reject, Verdict::Drop, Verdict::Forward}, std::nullopt}, known);

  EXPECT_EQ(ask(balancer::ClientKind::Outside, {vip, 80}), Seen::Taken);
  EXPECT_EQ(ask(balancer::ClientKind::Node, {vip, 80}), Seen::Silence)
      << "in by lo, though nobody knows the address";
}

INSTANTIATE_TEST_SUITE_P(Protocols, VerdictsTest,
                         ::testing::Combine(::testing::Values(kTcp, kUdp),
                                            ::testing::Values(IpFamily::IPv4, IpFamily::IPv6)),
                         [](const auto& each) {
                           return std::string(to_string(std::get<0>(each.param))) +
                                  std::string(to_string(std::get<1>(each.param)));
                         });

}  // namespace
}  // namespace wherry::bpf
