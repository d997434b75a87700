#include "proxy/app/service_cidrs.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace wherry::app {
namespace {

using test::cidr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const model::ServiceCidr> object(const std::string& name,
                                                 const std::vector<Cidr>& blocks) {
  model::ServiceCidr object;
  object.meta.key = {"", name};
  object.cidrs = blocks;
  return std::make_shared<const model::ServiceCidr>(object);
}

TEST(ServiceCidrs, W4_AreTheUnionOfAllObjectsAndToldOfWhenTheyChange) {
  std::vector<std::vector<Cidr>> told;
  ServiceCidrs all([&told](const std::vector<Cidr>& blocks) { told.push_back(blocks); });

  all.replace({object("kubernetes", {cidr("10.96.0.0/12"), cidr("fd00:96::/112")})});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told.back(), ElementsAre(cidr("10.96.0.0/12"), cidr("fd00:96::/112")));

  all.upsert(object("more", {cidr("10.32.0.0/16"), cidr("10.96.0.0/12")}));
  EXPECT_THAT(told.back(),
              ElementsAre(cidr("10.32.0.0/16"), cidr("10.96.0.0/12"), cidr("fd00:96::/112")));

  all.upsert(object("more", {cidr("10.32.0.0/16"), cidr("10.96.0.0/12")}));
  EXPECT_EQ(told.size(), 2u) << "nothing is new";

  all.erase({"", "kubernetes"});
  EXPECT_THAT(told.back(), ElementsAre(cidr("10.32.0.0/16"), cidr("10.96.0.0/12")));
  all.replace({});
  EXPECT_THAT(told.back(), IsEmpty());
}

}  // namespace
}  // namespace wherry::app
