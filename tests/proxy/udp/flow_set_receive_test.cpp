// What depends on who a client is and what it asks: with addresses that no socket here has.
#include "proxy/udp/flow_set.h"
#include "tests/proxy/udp/flow_set_fixture.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace wherry::udp {
namespace {

using test::UdpSocket;

/// Answers to clients that a test has made up.
class NoReplyPath final : public ReplyPath {
 public:
  void send(std::span<const Datagram> /*answers*/, const OnFailed& /*on_failed*/) override {}
};

/// Datagrams of clients with any address, as a listener would pass them on.
class FlowSetReceiveTest : public FlowSetTest {
 protected:
  ~FlowSetReceiveTest() override { flows_->end_flows_of(reply_path_); }

  void receive(const SocketAddress& client, const SocketAddress& asked, balancer::Entrance entrance,
               std::string_view bytes = "q") {
    Datagram datagram;
    datagram.client = client;
    datagram.asked = asked;
    datagram.bytes = std::as_bytes(std::span(bytes));
    flows_->receive({&datagram, 1}, entrance, reply_path_);
  }

  NoReplyPath reply_path_;
};

TEST_F(FlowSetReceiveTest, E8_WhomTheKernelHasLetInIsOfThisNodeWhateverItsAddress) {
  UdpSocket backend;
  tables_.services.upsert(dns()
                              .type(model::ServiceType::LoadBalancer)
                              .load_balancer_ip("198.51.100.1")
                              .external_policy(model::TrafficPolicy::Local));
  tables_.slices.upsert(slice("s", backend.address().port)
                            .endpoint(backend.address().ip.to_string())
                            .on_node("elsewhere"));
  publish();
  balancer::Entrance way_in = entrance(balancer::AddressKind::LoadBalancerIp);

  receive(test::at("203.0.113.9:5"), test::at("198.51.100.1:53"), way_in);
  EXPECT_EQ(dropped(Drop::NoLocalEndpoints), 1u);
  way_in.is_judged = true;
  receive(test::at("203.0.113.9:5"), test::at("198.51.100.1:53"), way_in);

  EXPECT_EQ(next_of(backend), "q");
  EXPECT_EQ(dropped(Drop::NoLocalEndpoints), 1u);
}

}  // namespace
}  // namespace wherry::udp
