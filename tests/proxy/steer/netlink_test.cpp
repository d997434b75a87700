#include "proxy/steer/netlink.h"

#include "tests/proxy/steer/in_namespace.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

using ::testing::HasSubstr;

NetlinkRequest local_route(unsigned number, unsigned flags) {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = 32;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  const std::array<std::uint8_t, 4> bytes{198, 18, static_cast<std::uint8_t>(number >> 8),
                                          static_cast<std::uint8_t>(number)};
  NetlinkRequest request(RTM_NEWROUTE, flags);
  request.fixed(route).attribute(RTA_DST, IpAddress::from_bytes(bytes)).number(RTA_OIF, 1);
  return request;
}

TEST(NetlinkSocket, SaysInTheKernelsWordsWhatIsWrong) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    auto request = local_route(1, NLM_F_CREATE);
    request.attribute(RTA_PREFSRC, test::ip("203.0.113.9"));

    const auto failure = netlink.request(std::move(request));

    EXPECT_EQ(failure.code, boost::system::errc::invalid_argument);
    EXPECT_EQ(failure.to_string(), "Invalid argument (Invalid prefsrc address)");
  });
}

TEST(NetlinkSocket, DoesTheRestOfABatchThoughSomeFail) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    ASSERT_FALSE(netlink.request(local_route(70, NLM_F_CREATE | NLM_F_EXCL)));
    std::vector<NetlinkRequest> requests;
    for (unsigned i = 0; i < 200; ++i) {
      requests.push_back(local_route(i, NLM_F_CREATE | NLM_F_EXCL));
    }

    const auto failures = netlink.request_all(std::move(requests));

    ASSERT_EQ(failures.size(), 200u);
    for (unsigned i = 0; i < 200; ++i) EXPECT_EQ(failures[i].code.failed(), i == 70) << i;
    EXPECT_EQ(failures[70].code, boost::system::errc::file_exists);
    EXPECT_TRUE(run("ip route get 198.18.0.199 | grep -q ^local"));
  });
}

TEST(NetlinkSocket, GetsADumpOfManyParts) {
  in_new_network([] {
    NetlinkSocket netlink(NETLINK_ROUTE);
    std::vector<NetlinkRequest> requests;
    for (unsigned i = 0; i < 3000; ++i) requests.push_back(local_route(i, NLM_F_CREATE));
    (void)netlink.request_all(std::move(requests));
    rtmsg filter{};
    filter.rtm_family = AF_INET;
    NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
    request.fixed(filter);

    const auto answers = netlink.ask(std::move(request));

    ASSERT_TRUE(answers) << answers.error().message();
    std::set<IpAddress> found;
    answers->each(RTM_NEWROUTE, [&found](const NetlinkAnswer& answer) {
      const auto address = answer.attributes<rtmsg>().find(RTA_DST);
      if (address && test::ip("198.18.0.0") <= *address->address()) {
        found.insert(*address->address());
      }
    });
    EXPECT_EQ(found.size(), 3000u);
  });
}

TEST(NetlinkSocket, OfAProtocolThatTheKernelLacksFailsEveryRequest) {
  NetlinkSocket netlink(31);

  EXPECT_TRUE(netlink.request(NetlinkRequest(RTM_GETLINK, 0)));
  EXPECT_FALSE(netlink.ask(NetlinkRequest(RTM_GETLINK, NLM_F_DUMP)));
}

TEST(NetlinkAnswers, EndWhereTheBytesAreNoMessage) {
  struct {
    nlmsghdr header;
    std::array<std::byte, 4> payload;
  } message{};
  message.header.nlmsg_type = RTM_NEWLINK;
  const auto bytes = std::as_bytes(std::span(&message, 1));

  message.header.nlmsg_len = sizeof message;
  std::span<const std::byte> rest = bytes;
  EXPECT_TRUE(NetlinkAnswers::take(rest));
  EXPECT_FALSE(NetlinkAnswers::take(rest));

  for (const std::uint32_t wrong : {0u, 15u, 21u, 0xffffffffu}) {
    message.header.nlmsg_len = wrong;
    rest = bytes;
    EXPECT_FALSE(NetlinkAnswers::take(rest)) << wrong;
  }
}

TEST(NetlinkAttributes, EndWhereTheBytesAreNoAttribute) {
  const std::array<unsigned short, 4> bytes{4, 7, 9, 8};  // the second one is longer than all

  NetlinkAttributes attributes(std::as_bytes(std::span(bytes)));

  EXPECT_TRUE(attributes.find(7));
  EXPECT_EQ(attributes.number(7), 0u);
  EXPECT_FALSE(attributes.find(8));
}

}  // namespace
}  // namespace wherry::steer
