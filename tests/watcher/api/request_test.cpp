#include "watcher/api/request.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

const Resource kServices{.name = "services",
                         .version = "v1",
                         .plural = "services",
                         .kind = "Service",
                         .labels = "!service.kubernetes.io/service-proxy-name",
                         .fields = "spec.clusterIP!=None"};
const Resource kSlices{.name = "endpointslices",
                       .group = "discovery.k8s.io",
                       .version = "v1",
                       .plural = "endpointslices",
                       .kind = "EndpointSlice",
                       .name_space = "shop"};

TEST(ListTarget, W1_HasTheSelectorsThatKubeProxyHas) {
  EXPECT_EQ(list_target("", kServices, {}),
            "/api/v1/services?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name"
            "&fieldSelector=spec.clusterIP%21%3DNone");
}

TEST(ListTarget, NamesGroupAndNamespace) {
  EXPECT_EQ(list_target("", kSlices, {}),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices");
}

TEST(ListTarget, GoesUnderThePathOfTheServersAddress) {
  EXPECT_EQ(list_target("/k8s/clusters/c-1/", kSlices, {}),
            "/k8s/clusters/c-1/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices");
}

TEST(ListTarget, A4_FirstAsksForWhateverTheServerHasInPages) {
  EXPECT_EQ(list_target("", kSlices, {.resource_version = "0", .limit = 500, .continue_token = {}}),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?limit=500&resourceVersion=0");
}

TEST(ListTarget, A6_APageAfterTheFirstHasATokenAndNoVersion) {
  EXPECT_EQ(
      list_target("", kSlices, {.resource_version = "0", .limit = 500, .continue_token = "a+b/c="}),
      "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?limit=500&continue="
      "a%2Bb%2Fc%3D");
}

TEST(WatchTarget, A7_AsksForBookmarksAndAnEnd) {
  EXPECT_EQ(watch_target("", kSlices,
                         {.resource_version = "17", .timeout = 421s, .send_initial_events = false}),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?watch=true"
            "&allowWatchBookmarks=true&timeoutSeconds=421&resourceVersion=17");
}

TEST(WatchTarget, A1_AWatchListAsksForInitialEvents) {
  EXPECT_EQ(watch_target("", kSlices,
                         {.resource_version = "", .timeout = 300s, .send_initial_events = true}),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?watch=true"
            "&allowWatchBookmarks=true&timeoutSeconds=300&sendInitialEvents=true"
            "&resourceVersionMatch=NotOlderThan");
}

TEST(RbacRule, CanBePasted) {
  EXPECT_EQ(rbac_rule(kSlices),
            "- {apiGroups: [\"discovery.k8s.io\"], resources: [\"endpointslices\"], verbs: "
            "[\"list\", \"watch\"]}");
  EXPECT_EQ(rbac_rule(kServices),
            "- {apiGroups: [\"\"], resources: [\"services\"], verbs: [\"list\", \"watch\"]}");
}

}  // namespace
}  // namespace wherry::api
