#include "proxy/steer/source_program.h"

#include "base/raw_socket_address.h"
#include "base/unique_fd.h"
#include "proxy/steer/listen_sockets.h"
#include "tests/support/builders.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <ostream>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace wherry::steer {
namespace {

using balancer::ClientFilter;
using test::cidr;
using test::ip;

/// What the kernel's machine answers to a packet with these addresses. A test of its own: only the
/// instructions that source_program() writes.
std::uint32_t run(const std::vector<sock_filter>& program, const IpAddress& from,
                  const IpAddress& to) {
  std::vector<std::uint8_t> header(from.family() == IpFamily::IPv4 ? 12 : 8);
  header.insert(header.end(), from.bytes().begin(), from.bytes().end());
  header.insert(header.end(), to.bytes().begin(), to.bytes().end());
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& each = program[at];
    switch (each.code) {
      case BPF_LD | BPF_W | BPF_ABS: {
        const std::size_t offset = each.k - static_cast<std::uint32_t>(SKF_NET_OFF);
        if (offset + 4 > header.size()) return 0;
        a = std::uint32_t{header[offset]} << 24 | std::uint32_t{header[offset + 1]} << 16 |
            std::uint32_t{header[offset + 2]} << 8 | std::uint32_t{header[offset + 3]};
        break;
      }
      case BPF_ALU | BPF_AND | BPF_K:
        a &= each.k;
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == each.k ? each.jt : each.jf;
        break;
      case BPF_JMP | BPF_JEQ | BPF_X:
        at += a == x ? each.jt : each.jf;
        break;
      case BPF_JMP | BPF_JA:
        at += each.k;
        break;
      case BPF_RET | BPF_K:
        return each.k;
      default:
        ADD_FAILURE() << "an instruction of code " << each.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

struct Case {
  const char* name;
  ClientFilter filter;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class SourceProgram : public ::testing::TestWithParam<Case> {};

TEST_P(SourceProgram, SaysOfEveryClientWhatTheFilterSays) {
  const ClientFilter& filter = GetParam().filter;
  const std::vector<std::vector<const char*>> clients = {
      {"10.0.0.0", "10.255.255.255", "11.0.0.0", "9.255.255.255", "127.0.0.1", "192.0.2.7",
       "192.0.2.8", "198.51.100.1", "203.0.113.9", "255.255.255.255", "0.0.0.1"},
      {"::1", "2001:db8::1", "2001:db8::2", "2001:db8:1::", "2001:db8:1:ffff::1", "2001:db8:2::1",
       "2001:db8:1:8000::", "fd00::1", "ffff::ffff"}};
  for (const auto& of_family : clients) {
    const IpFamily family = ip(of_family.front()).family();
    const auto program = source_program(filter, family);
    for (const char* to : {of_family[5], of_family[1]}) {
      for (const char* from : of_family) {
        const bool passes = program.empty() || run(program, ip(from), ip(to)) == 0xffffffff;
        EXPECT_EQ(passes, filter.answers(ip(from), ip(to))) << from << " to " << to;
      }
    }
  }
}

ClientFilter nobody() {
  ClientFilter filter;
  filter.nobody = true;
  return filter;
}
ClientFilter node_only(const std::vector<const char*>& blocks) {
  ClientFilter filter;
  filter.node_only = true;
  for (const char* block : blocks) filter.node.push_back(cidr(block));
  return filter;
}
ClientFilter with_proxies(ClientFilter filter, const std::vector<const char*>& blocks) {
  for (const char* block : blocks) filter.proxies.push_back(cidr(block));
  return filter;
}
ClientFilter with_ranges(ClientFilter filter, const std::vector<const char*>& blocks) {
  filter.ranges.emplace();
  for (const char* block : blocks) filter.ranges->push_back(cidr(block));
  return filter;
}

INSTANTIATE_TEST_SUITE_P(
    Filters, SourceProgram,
    ::testing::Values(
        Case{"Everybody", {}}, Case{"Nobody", nobody()},
        Case{"E8_TheNodeAlone", node_only({"127.0.0.0/8", "::1/128", "192.0.2.7/32",
                                           "2001:db8::1/128", "10.0.0.0/8", "2001:db8:1::/48"})},
        Case{"E8_OnlyWhatGoesToItself", node_only({})},
        Case{"F1_Ranges", with_ranges({}, {"10.0.0.0/8", "203.0.113.8/31", "2001:db8:1::/49",
                                           "fd00::/8", "198.51.100.1/32"})},
        Case{"F1_RangesOfOneFamilyLetNobodyOfTheOtherIn", with_ranges({}, {"10.0.0.0/8"})},
        Case{"F1_NoRange", with_ranges({}, {})},
        Case{"F1_EveryLength",
             with_ranges({}, {"0.0.0.0/1", "192.0.2.0/29", "2001:db8::/33", "::/97"})},
        Case{"F1_Everything", with_ranges({}, {"0.0.0.0/0", "::/0"})},
        Case{"E8_TheNodeInRanges",
             with_ranges(node_only({"192.0.2.0/24", "10.0.0.0/8", "2001:db8:1::/48"}),
                         {"10.0.0.0/8", "2001:db8:1::/64"})},
        Case{"ProxiesWhateverElseHolds",
             with_proxies(with_ranges(node_only({"127.0.0.0/8"}), {"10.0.0.0/8"}),
                          {"203.0.113.9/32", "192.0.2.8/31", "2001:db8:1::/48", "::1/128"})},
        Case{"ProxiesAndAllOfThem", with_proxies(node_only({}), {"0.0.0.0/0"})},
        Case{"NoProxyWhereNobodyIs", with_proxies(nobody(), {"0.0.0.0/0"})}),
    [](const auto& row) { return row.param.name; });

TEST(SourceProgramLimit, WhatTheKernelWouldNotTakeIsNone) {
  ClientFilter filter;
  filter.ranges.emplace(2000, cidr("10.0.0.0/8"));

  EXPECT_TRUE(source_program(filter, IpFamily::IPv4).empty());
  filter.ranges->resize(1000, cidr("10.0.0.0/8"));
  EXPECT_FALSE(source_program(filter, IpFamily::IPv4).empty());
}

class Attached : public ::testing::TestWithParam<const char*> {
 protected:
  Attached() {
    auto opened = open_listen_sockets(SocketAddress{ip(GetParam()), 0}, 1);
    if (!opened) throw std::runtime_error(opened.error().message());
    listener_ = std::move(opened->front());
    RawSocketAddress raw;
    ::getsockname(listener_.get(), raw.get(), &raw.size);
    address_ = raw.to_socket_address();
  }

  [[nodiscard]] bool connects() const { return connects_within(10'000); }
  /// A SYN that is dropped is sent again after a second.
  [[nodiscard]] bool hears_nothing() const { return !connects_within(200); }
  [[nodiscard]] bool connects_within(int milliseconds) const {
    const UniqueFd client(::socket(address_family(address_.ip.family()),
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    const RawSocketAddress to(address_);
    if (::connect(client.get(), to.get(), to.size) == 0) return true;
    pollfd wait{client.get(), POLLOUT, 0};
    return ::poll(&wait, 1, milliseconds) == 1 && (wait.revents & POLLERR) == 0;
  }

  UniqueFd listener_;
  SocketAddress address_;
};

TEST_P(Attached, E7_IsSilentToThoseThatAreDropped) {
  EXPECT_TRUE(connects());

  ASSERT_FALSE(attach(listener_.get(), source_program(nobody(), address_.ip.family())));
  EXPECT_TRUE(hears_nothing());

  ASSERT_FALSE(attach(listener_.get(), source_program(with_ranges({}, {"10.0.0.0/8", "fd00::/8"}),
                                                      address_.ip.family())));
  EXPECT_TRUE(hears_nothing());
}

TEST_P(Attached, E8_AnswersThoseThatAreNot) {
  ASSERT_FALSE(attach(listener_.get(), source_program(node_only({}), address_.ip.family())));
  EXPECT_TRUE(connects());  // it goes to itself

  ASSERT_FALSE(attach(listener_.get(), source_program(with_ranges({}, {"127.0.0.0/8", "::1/128"}),
                                                      address_.ip.family())));
  EXPECT_TRUE(connects());
}

TEST_P(Attached, IsTakenAwayAgain) {
  ASSERT_FALSE(attach(listener_.get(), source_program(nobody(), address_.ip.family())));

  ASSERT_FALSE(attach(listener_.get(), {}));

  EXPECT_TRUE(connects());
  EXPECT_FALSE(attach(listener_.get(), {})) << "taking away what is not there is no error";
}

INSTANTIATE_TEST_SUITE_P(Families, Attached, ::testing::Values("127.0.0.1", "::1"),
                         [](const auto& row) {
                           return std::string(row.index == 0 ? "IPv4" : "IPv6");
                         });

}  // namespace
}  // namespace wherry::steer
