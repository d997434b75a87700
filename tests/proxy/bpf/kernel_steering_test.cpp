#include "proxy/bpf/kernel_steering.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

namespace wherry::bpf {
namespace {

using test::ip;

TEST(Destination, SaysWhatIsAskedFor) {
  Destination range = Destination::of(Protocol::UDP, ip("fd00::1"), 30000);
  range.last_port = 30100;

  EXPECT_EQ(range.to_string(), "UDP [fd00::1]:30000-30100");
  EXPECT_EQ(Destination::of(Protocol::TCP, ip("10.96.0.1"), 80).to_string(), "TCP 10.96.0.1:80");
  EXPECT_EQ(Destination::node_port(Protocol::TCP, IpFamily::IPv4, 30080).to_string(),
            "TCP IPv4 NodePort 30080");
}

}  // namespace
}  // namespace wherry::bpf
