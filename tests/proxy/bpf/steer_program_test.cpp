// The program in the kernel, asked by BPF_PROG_TEST_RUN: no packet is sent, nothing is attached. It
// can't say by which interface a packet came, so that stands in libbpf_steering_test.cpp.

#include "proxy/bpf/libbpf_steering.h"
#include "tests/proxy/bpf/kernel_fixture.h"
#include "tests/proxy/bpf/naive_steering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bpf/bpf.h>
#include <cstring>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string>

namespace wherry::bpf {
namespace {

using balancer::Verdict;
using test::ip;

class SteerProgramTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    steering_ = open();
    give_sockets(*steering_);
  }

  void apply(const SteerChange& change) {
    ASSERT_FALSE(steering_->apply(change));
    naive_.apply(change);
  }

  [[nodiscard]] Answer ask(const Question& question) const {
    bpf_sk_lookup context{};
    const auto client = question.client.bytes();
    const auto address = question.address.bytes();
    if (question.address.family() == IpFamily::IPv4) {
      context.family = AF_INET;
      std::memcpy(&context.remote_ip4, client.data(), client.size());
      std::memcpy(&context.local_ip4, address.data(), address.size());
    } else {
      context.family = AF_INET6;
      std::memcpy(context.remote_ip6, client.data(), client.size());
      std::memcpy(context.local_ip6, address.data(), address.size());
    }
    context.protocol = question.protocol == Protocol::UDP ? IPPROTO_UDP : IPPROTO_TCP;
    context.local_port = question.port;
    return run(context, question.protocol, question.address.family());
  }

  [[nodiscard]] Answer run(const bpf_sk_lookup& context, Protocol protocol, IpFamily family) const {
    bpf_sk_lookup after{};
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    options.ctx_out = &after;
    options.ctx_size_out = sizeof after;
    if (::bpf_prog_test_run_opts(steering_->program_for_test(), &options) != 0) {
      throw std::runtime_error(std::string("BPF_PROG_TEST_RUN: ") + std::strerror(errno));
    }
    if (options.retval == SK_DROP) return Answer::Reject;
    if (after.cookie == 0) return Answer::Pass;
    if (after.cookie == cookie(protocol, family, Group::Forward)) return Answer::Forward;
    if (after.cookie == cookie(protocol, family, Group::Silent)) return Answer::Drop;
    throw std::runtime_error("another socket");
  }

  [[nodiscard]] std::uint64_t cookie(Protocol protocol, IpFamily family, Group group) const {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    ::getsockopt(socket(protocol, family, group), SOL_SOCKET, SO_COOKIE, &cookie, &size);
    return cookie;
  }

  std::unique_ptr<LibbpfSteering> steering_;
  NaiveSteering naive_;
};

TEST_F(SteerProgramTest, AnswersWhatTheRulesSay) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    SteeringHistory history(seed);
    SteerChange all{.set = {}, .erase = {}, .scope = history.scope()};
    for (const auto& [destination, steered] : naive_.wanted) all.erase.push_back(destination);
    apply(all);
    for (int round = 0; round < 40; ++round) {
      apply(history.change(naive_));
      for (int i = 0; i < 100; ++i) {
        Question question = history.question();
        question.interface = 0;
        ASSERT_EQ(ask(question), naive_.ask(question)) << question << " in round " << round;
      }
    }
  }
}

TEST_F(SteerProgramTest, AsksNothingOfWhatIsNoServices) {
  apply({.set = {{Destination::of(Protocol::TCP, ip("10.96.0.1"), 80), {}}},
         .erase = {},
         .scope = scope()});

  EXPECT_EQ(ask({Protocol::TCP, ip("203.0.113.9"), ip("192.0.2.9"), 80}), Answer::Pass);
  bpf_sk_lookup sctp{};
  sctp.family = AF_INET;
  sctp.protocol = IPPROTO_SCTP;
  std::memcpy(&sctp.local_ip4, ip("10.96.0.1").bytes().data(), 4);
  sctp.local_port = 80;
  EXPECT_EQ(run(sctp, Protocol::TCP, IpFamily::IPv4), Answer::Pass);
}

TEST_F(SteerProgramTest, AnIpv6PacketToAMappedAddressIsNoIpv4Services) {
  apply({.set = {{Destination::of(Protocol::TCP, ip("10.96.0.1"), 80), {}}},
         .erase = {},
         .scope = scope()});
  bpf_sk_lookup context{};
  context.family = AF_INET6;
  context.protocol = IPPROTO_TCP;
  const std::array<std::uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 1};
  std::memcpy(context.local_ip6, mapped.data(), mapped.size());
  std::memcpy(context.remote_ip6, ip("2001:db8::9").bytes().data(), 16);
  context.local_port = 80;

  EXPECT_EQ(run(context, Protocol::TCP, IpFamily::IPv6), Answer::Pass);
}

TEST_F(SteerProgramTest, WithoutASocketItRefusesAndNeverPassesToTheHost) {
  apply({.set = {{Destination::of(Protocol::TCP, ip("10.96.0.1"), 80), {}}},
         .erase = {},
         .scope = scope()});
  sockets_[{Protocol::TCP, IpFamily::IPv4, Group::Forward}].reset();
  sockets_[{Protocol::TCP, IpFamily::IPv4, Group::Silent}].reset();

  EXPECT_EQ(ask({Protocol::TCP, ip("203.0.113.9"), ip("10.96.0.1"), 80}), Answer::Reject);
  EXPECT_EQ(ask({Protocol::TCP, ip("203.0.113.9"), ip("10.96.0.2"), 80}), Answer::Reject);
  EXPECT_EQ(steering_->counts().no_socket, 2u);
}

TEST_F(SteerProgramTest, CountsWhatBecameOfEach) {
  const Steered by_kind{{Verdict::Forward, Verdict::Reject, Verdict::Drop},
                        std::vector{Cidr::parse("203.0.113.0/24").value()}};
  SteerScope known = scope();
  known.pod_cidrs = {Cidr::parse("10.244.1.0/24").value()};
  apply({.set = {{Destination::of(Protocol::TCP, ip("10.96.0.1"), 80), by_kind}},
         .erase = {},
         .scope = known});
  const auto from = [&](const char* client, const char* to, int port) {
    return ask({Protocol::TCP, ip(client), ip(to), static_cast<std::uint16_t>(port)});
  };

  EXPECT_EQ(from("203.0.113.9", "10.96.0.1", 80), Answer::Forward);
  EXPECT_EQ(from("198.51.100.9", "10.96.0.1", 80), Answer::Drop);
  EXPECT_EQ(from("10.96.0.1", "10.96.0.1", 80), Answer::Reject) << "the node";
  EXPECT_EQ(from("10.244.1.9", "10.96.0.1", 80), Answer::Drop) << "a pod";
  EXPECT_EQ(from("203.0.113.9", "10.96.0.1", 81), Answer::Reject);
  EXPECT_EQ(from("203.0.113.9", "10.96.0.2", 80), Answer::Drop);

  const SteerCounts counts = steering_->counts();
  EXPECT_EQ(counts.forwarded, 1u);
  EXPECT_EQ(counts.dropped_by_source, 1u);
  EXPECT_EQ(counts.rejected, 1u);
  EXPECT_EQ(counts.dropped, 1u);
  EXPECT_EQ(counts.wrong_port, 1u);
  EXPECT_EQ(counts.free_address, 1u);
  EXPECT_EQ(counts.no_socket, 0u);
}

TEST_F(SteerProgramTest, AFullTableIsSaidAndTheRestIsTaken) {
  SteerChange change{.set = {}, .erase = {}, .scope = scope()};
  for (int i = 0; i < 1030; ++i) {  // the table is of 1024
    const std::string vip = "10.97." + std::to_string(i / 250) + '.' + std::to_string(i % 250);
    change.set.emplace_back(Destination::of(Protocol::TCP, ip(vip), 80), Steered{});
  }

  EXPECT_EQ(steering_->apply(change).value(), E2BIG);
  EXPECT_EQ(ask({Protocol::TCP, ip("203.0.113.9"), ip("10.97.0.0"), 80}), Answer::Forward);

  SteerChange fewer;
  for (int i = 0; i < 10; ++i) fewer.erase.push_back(change.set[static_cast<std::size_t>(i)].first);
  EXPECT_FALSE(steering_->apply(fewer)) << "those that had no room are put now";
  EXPECT_EQ(ask({Protocol::TCP, ip("203.0.113.9"), ip("10.97.4.29"), 80}), Answer::Forward);
}

}  // namespace
}  // namespace wherry::bpf
