#include "watcher/model/endpoints.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::model {
namespace {

using test::ip;
using ::testing::ElementsAre;
using ::testing::Pair;

Endpoint endpoint(const std::string& address) {
  Endpoint made;
  made.address = ip(address);
  return made;
}

Endpoint not_ready(const std::string& address) {
  Endpoint made = endpoint(address);
  made.ready = made.serving = false;
  return made;
}

EndpointPort port(std::uint16_t number) { return {"", Protocol::TCP, number}; }

Endpoints endpoints(std::vector<EndpointSubset> subsets) {
  Endpoints made;
  made.meta.key = {"shop", "web"};
  made.subsets = std::move(subsets);
  return made;
}

TEST(EndpointsToSlices, NamesTheServiceAndKeepsTheNamespace) {
  const auto slices = to_slices(endpoints({{{endpoint("10.0.0.1")}, {port(80)}}}));

  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(slices[0].service(), (ObjectKey{"shop", "web"}));
  EXPECT_EQ(slices[0].meta.key.name_space, "shop");
  EXPECT_THAT(slices[0].ports, ElementsAre(port(80)));
}

TEST(EndpointsToSlices, ReplacesAServiceNameLabelThatSaysOtherwise) {
  Endpoints lying = endpoints({{{endpoint("10.0.0.1")}, {port(80)}}});
  lying.meta.labels.emplace("kubernetes.io/service-name", "db");

  EXPECT_EQ(to_slices(lying).at(0).service(), (ObjectKey{"shop", "web"}));
}

TEST(EndpointsToSlices, W2_KeepsTheHeadlessLabelAndNoOther) {
  Endpoints headless = endpoints({{{endpoint("10.0.0.1")}, {port(80)}}});
  headless.meta.labels = {{"app", "web"}, {"service.kubernetes.io/headless", ""}};

  EXPECT_THAT(to_slices(headless).at(0).meta.labels,
              ElementsAre(Pair("kubernetes.io/service-name", "web"),
                          Pair("service.kubernetes.io/headless", "")));
}

TEST(EndpointsToSlices, HasANameThatNoRealSliceCanHave) {
  const auto slices = to_slices(endpoints({{{endpoint("10.0.0.1")}, {port(80)}}}));

  EXPECT_NE(slices.at(0).meta.key.name.find('/'), std::string::npos);
}

TEST(EndpointsToSlices, MakesOneSliceForEachFamilyOfASubset) {
  const auto slices = to_slices(
      endpoints({{{endpoint("10.0.0.1"), endpoint("fd00::1"), endpoint("10.0.0.2")}, {port(80)}}}));

  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0].address_type, AddressType::IPv4);
  EXPECT_THAT(slices[0].endpoints, ElementsAre(endpoint("10.0.0.1"), endpoint("10.0.0.2")));
  EXPECT_EQ(slices[1].address_type, AddressType::IPv6);
  EXPECT_THAT(slices[1].endpoints, ElementsAre(endpoint("fd00::1")));
  EXPECT_THAT(slices[1].ports, ElementsAre(port(80)));
  EXPECT_NE(slices[0].meta.key, slices[1].meta.key);
}

TEST(EndpointsToSlices, KeepsTheSubsetsPortsApart) {
  const auto slices = to_slices(
      endpoints({{{endpoint("10.0.0.1")}, {port(80)}}, {{endpoint("10.0.0.2")}, {port(8080)}}}));

  ASSERT_EQ(slices.size(), 2u);
  EXPECT_THAT(slices[0].endpoints, ElementsAre(endpoint("10.0.0.1")));
  EXPECT_THAT(slices[0].ports, ElementsAre(port(80)));
  EXPECT_THAT(slices[1].endpoints, ElementsAre(endpoint("10.0.0.2")));
  EXPECT_THAT(slices[1].ports, ElementsAre(port(8080)));
  EXPECT_NE(slices[0].meta.key, slices[1].meta.key);
}

TEST(EndpointsToSlices, KeepsWhoIsNotReady) {
  const auto slices = to_slices(endpoints({{{not_ready("10.0.0.1")}, {port(80)}}}));

  EXPECT_THAT(slices.at(0).endpoints, ElementsAre(not_ready("10.0.0.1")));
}

TEST(EndpointsToSlices, MakeOneEmptySliceOfNobody) {
  for (const Endpoints& nobody : {endpoints({}), endpoints({{{}, {port(80)}}})}) {
    const auto slices = to_slices(nobody);

    ASSERT_EQ(slices.size(), 1u);
    EXPECT_TRUE(slices[0].endpoints.empty());
    EXPECT_EQ(slices[0].service(), (ObjectKey{"shop", "web"}));
  }
}

}  // namespace
}  // namespace wherry::model
