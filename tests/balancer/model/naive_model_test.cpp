#include "tests/balancer/model/naive_model.h"

#include "base/document/read_documents.h"
#include "tests/balancer/model/told_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace wherry::balancer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The model is what wherry is measured by; these few are worked out by hand.
class NaiveModelTest : public ::testing::Test {
 protected:
  void there_is(std::string_view yaml) {
    const auto error = document::read_documents(
        yaml, document::Expect::Yaml, {}, [this](document::Document&& document) {
          const std::string kind = text_at(document.value, {"kind"});
          history_.events.push_back(
              {Event::Op::Upsert,
               kind,
               {std::make_shared<const boost::json::value>(std::move(document.value))}});
          world_.apply(history_.events.back());
        });
    ASSERT_FALSE(error) << error->text;
  }

  std::string says(const std::string& key) { return naive_answer(history_, world_).ports.at(key); }

  History history_;
  World world_;
};

constexpr std::string_view kService = R"(
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec:
  type: NodePort
  clusterIP: 10.96.0.1
  externalTrafficPolicy: Local
  internalTrafficPolicy: Local
  ports: [{name: http, port: 80, nodePort: 30000}]
)";

std::string slice(const std::string& name, const std::string& endpoints) {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
         "metadata: {name: " +
         name +
         ", namespace: a, labels: {kubernetes.io/service-name: web}}\n"
         "ports: [{name: http, port: 8080}]\nendpoints: " +
         endpoints + "\n";
}

TEST_F(NaiveModelTest, WithoutEndpointsEverythingIsRejected) {
  there_is(kService);

  EXPECT_EQ(says("a/web:http/TCP/IPv4"),
            "a/web:http/TCP/IPv4 ip=10.96.0.1 port=80 node_port=30000 external_ips=[] vips=[] "
            "affinity=None admits= endpoints=[] cluster=[] local=[] internal=reject[] "
            "external=reject[] from_node=reject[]");
}

TEST_F(NaiveModelTest, PolicyLocalDropsWhatOnlyOthersCouldServe) {
  there_is(kService);
  there_is(slice("s", "[{addresses: [10.1.0.1], nodeName: node-2}]"));

  EXPECT_THAT(says("a/web:http/TCP/IPv4"),
              HasSubstr("internal=drop[] external=drop[] from_node=forward[10.1.0.1:8080]"));
}

TEST_F(NaiveModelTest, ALocalEndpointThatTerminatesIsTheLastResort) {
  there_is(kService);
  there_is(slice("s",
                 "[{addresses: [10.1.0.1], nodeName: node-2},"
                 " {addresses: [10.1.0.2], nodeName: node-1,"
                 "  conditions: {ready: false, terminating: true}}]"));

  EXPECT_THAT(says("a/web:http/TCP/IPv4"),
              HasSubstr("endpoints=[10.1.0.1:8080=rs,10.1.0.2:8080=stl] cluster=[10.1.0.1:8080] "
                        "local=[10.1.0.2:8080] internal=forward[10.1.0.2:8080]"));
}

TEST_F(NaiveModelTest, HintsCountWhereEveryReadyEndpointHasSome) {
  there_is(kService);
  there_is(slice("s",
                 "[{addresses: [10.1.0.1], hints: {forNodes: [{name: node-1}]}},"
                 " {addresses: [10.1.0.2], hints: {forNodes: [{name: node-2}]}}]"));
  EXPECT_THAT(says("a/web:http/TCP/IPv4"), HasSubstr("cluster=[10.1.0.1:8080]"));

  there_is(slice("t", "[{addresses: [10.1.0.3]}]"));

  EXPECT_THAT(says("a/web:http/TCP/IPv4"),
              HasSubstr("cluster=[10.1.0.1:8080,10.1.0.2:8080,10.1.0.3:8080]"));
}

TEST_F(NaiveModelTest, KnowsWhatKubeProxyLeavesToChance) {
  there_is(kService);
  there_is(slice("s", "[{addresses: [10.1.0.1]}]"));
  there_is(slice("t", "[{addresses: [10.1.0.1]}]"));
  EXPECT_THAT(naive_answer(history_, world_).undefined_upstream, IsEmpty());

  there_is(slice("t", "[{addresses: [10.1.0.1], conditions: {terminating: true}}]"));
  EXPECT_THAT(naive_answer(history_, world_).undefined_upstream, IsEmpty());

  there_is(slice("t", "[{addresses: [10.1.0.1], conditions: {ready: false}}]"));
  EXPECT_THAT(naive_answer(history_, world_).undefined_upstream,
              ElementsAre("a/web:http/TCP/IPv4"));
}

/// What acts in the controller alone: the proxy looks at the hints that came of it, and at nothing
/// else.
class ControllersAffairTest : public NaiveModelTest {
 protected:
  Answer table_says() {
    ToldTables tables(history_);
    for (const Event& event : history_.events) tables.tell(event);
    tables.tell({});
    return tables.answer();
  }
};

TEST_F(ControllersAffairTest, E11_TrafficDistributionIsNotLookedAt) {
  there_is(slice("s",
                 "[{addresses: [10.1.0.1], nodeName: node-2, zone: zone-b},"
                 " {addresses: [10.1.0.2], nodeName: node-1, zone: zone-a}]"));
  there_is(kService);
  const Answer without = table_says();

  for (const char* word : {"PreferClose", "PreferSameZone", "PreferSameNode"}) {
    there_is(std::string(kService) + "  trafficDistribution: " + word + "\n");
    EXPECT_EQ(table_says(), without) << word;
  }
}

TEST_F(ControllersAffairTest, E14_TheAnnotationsOfTopologyModeAreNotLookedAt) {
  there_is(slice("s",
                 "[{addresses: [10.1.0.1], nodeName: node-2, zone: zone-b},"
                 " {addresses: [10.1.0.2], nodeName: node-1, zone: zone-a}]"));
  there_is(kService);
  const Answer without = table_says();

  for (const char* key :
       {"service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"}) {
    std::string yaml(kService);
    yaml.insert(yaml.find("namespace: a") + 12, ", annotations: {" + std::string(key) + ": Auto}");
    there_is(yaml);
    EXPECT_EQ(table_says(), without) << key;
  }
}

}  // namespace
}  // namespace wherry::balancer
