#include "balancer/port_range.h"

#include "tests/support/builders.h"

#include <gtest/gtest.h>

namespace wherry::balancer {
namespace {

TEST(PortRange, IsTwoPortsTheSecondGreater) {
  EXPECT_EQ(PortRange::parse("30000-30100"), (PortRange{30000, 30100}));
  EXPECT_EQ(PortRange::parse("1-65535"), (PortRange{1, 65535}));
  for (const char* wrong : {"", "80", "80-", "-80", "80-80", "81-80", "0-80", "80-65536", "a-b",
                            "80-90-100", "80 - 90"}) {
    EXPECT_EQ(PortRange::parse(wrong), std::nullopt) << wrong;
  }
}

TEST(PortRange, HasBothItsEnds) {
  const PortRange range{100, 200};
  EXPECT_TRUE(range.contains(100));
  EXPECT_TRUE(range.contains(200));
  EXPECT_FALSE(range.contains(99));
  EXPECT_FALSE(range.contains(201));
  EXPECT_TRUE(range.overlaps({200, 300}));
  EXPECT_FALSE(range.overlaps({201, 300}));
  EXPECT_EQ(range.to_string(), "100-200");
  EXPECT_EQ(PortRange::of(80).to_string(), "80");
}

TEST(PortRange, APortKeepsItsNumberWhereTargetPortDoesNotMapIt) {
  EXPECT_EQ(backend_of_range(test::at("10.1.0.1:30000"), 30000, 30042), test::at("10.1.0.1:30042"));
}

TEST(PortRange, WhereTargetPortMapsTheWholeRangeIsMapped) {
  EXPECT_EQ(backend_of_range(test::at("10.1.0.1:5000"), 30000, 30042), test::at("10.1.0.1:5042"));
  EXPECT_EQ(backend_of_range(test::at("10.1.0.1:5000"), 30010, 30000), test::at("10.1.0.1:4990"));
}

TEST(PortRange, WhatIsNoPortIsNoBackend) {
  EXPECT_EQ(backend_of_range(test::at("10.1.0.1:65000"), 30000, 30900), std::nullopt);
  EXPECT_EQ(backend_of_range(test::at("10.1.0.1:5"), 30010, 30000), std::nullopt);
}

}  // namespace
}  // namespace wherry::balancer
