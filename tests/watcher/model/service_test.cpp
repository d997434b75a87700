#include "watcher/model/service.h"

#include <gtest/gtest.h>

namespace wherry::model {
namespace {

TEST(ServiceWords, AreThoseOfKubernetes) {
  EXPECT_EQ(to_string(ServiceType::ClusterIP), "ClusterIP");
  EXPECT_EQ(to_string(ServiceType::NodePort), "NodePort");
  EXPECT_EQ(to_string(ServiceType::LoadBalancer), "LoadBalancer");
  EXPECT_EQ(to_string(ServiceType::ExternalName), "ExternalName");
  EXPECT_EQ(to_string(SessionAffinity::None), "None");
  EXPECT_EQ(to_string(SessionAffinity::ClientIP), "ClientIP");
  EXPECT_EQ(to_string(TrafficPolicy::Cluster), "Cluster");
  EXPECT_EQ(to_string(TrafficPolicy::Local), "Local");
}

TEST(ObjectKey, IsOrderedByNamespaceThenName) {
  EXPECT_EQ((ObjectKey{"default", "web"}.to_string()), "default/web");
  EXPECT_LT((ObjectKey{"a", "z"}), (ObjectKey{"b", "a"}));
  EXPECT_LT((ObjectKey{"a", "a"}), (ObjectKey{"a", "b"}));
}

}  // namespace
}  // namespace wherry::model
