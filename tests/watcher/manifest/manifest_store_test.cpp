#include "watcher/manifest/manifest_store.h"

#include "tests/support/builders.h"
#include "tests/support/log_capture.h"
#include "tests/watcher/object_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace wherry::manifest {
namespace {

using model::EndpointSlice;
using model::ObjectKey;
using model::Pod;
using model::Service;
using test::pod;
using test::service;
using test::slice;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// --- MergedObjects

class MergedObjectsTest : public ::testing::Test {
 protected:
  using Double = std::pair<std::string, std::string>;

  /// Files are ordered by their names.
  void set(const std::string& file, std::vector<Pod> pods) {
    merged_.set({0, file}, file, std::move(pods), &out_);
    doubles_.clear();
    std::vector<DoubleDefinition> all;
    merged_.append_doubles("Pod", all);
    for (const DoubleDefinition& each : all) {
      doubles_.emplace_back(each.in_force, each.without_effect);
    }
  }

  [[nodiscard]] std::vector<Pod> all() const {
    std::vector<Pod> objects;
    for (const auto& object : merged_.all()) objects.push_back(*object);
    return objects;
  }

  static Pod web(const std::string& address) { return pod("web", address); }

  MergedObjects<Pod> merged_;
  test::ObjectMap<Pod> out_;
  std::vector<Double> doubles_;  ///< winner and loser
};

TEST_F(MergedObjectsTest, HoldTheObjectsOfAllFiles) {
  set("a", {pod("p1", "10.0.0.1"), pod("p2", "10.0.0.2")});
  set("b", {pod("p3", "10.0.0.3")});

  EXPECT_EQ(merged_.size(), 3u);
  EXPECT_EQ(all(), out_.all());
  EXPECT_THAT(out_.all(), ElementsAre(Pod(pod("p1", "10.0.0.1")), Pod(pod("p2", "10.0.0.2")),
                                      Pod(pod("p3", "10.0.0.3"))));
}

TEST_F(MergedObjectsTest, TellOnlyOfWhatChanged) {
  set("a", {pod("p1", "10.0.0.1"), pod("p2", "10.0.0.2")});
  EXPECT_EQ(out_.upserted(), 2u);

  set("a", {pod("p1", "10.0.0.1"), pod("p2", "10.0.0.9")});

  EXPECT_EQ(out_.upserted(), 3u);
  EXPECT_EQ(out_.erased(), 0u);
  EXPECT_EQ(out_.objects().at({"default", "p2"}), Pod(pod("p2", "10.0.0.9")));
}

TEST_F(MergedObjectsTest, TellNothingOfAFileThatSaysTheSame) {
  set("a", {pod("p1", "10.0.0.1")});

  set("a", {pod("p1", "10.0.0.1")});

  EXPECT_EQ(out_.calls(), 1u);
}

TEST_F(MergedObjectsTest, ForgetWhatAFileDoesNotSayAnyMore) {
  set("a", {pod("p1", "10.0.0.1"), pod("p2", "10.0.0.2")});

  set("a", {pod("p2", "10.0.0.2")});
  EXPECT_THAT(out_.all(), ElementsAre(Pod(pod("p2", "10.0.0.2"))));

  set("a", {});
  EXPECT_THAT(out_.all(), IsEmpty());
  EXPECT_EQ(merged_.size(), 0u);
}

TEST_F(MergedObjectsTest, ForgetAFileThatWasNeverThere) {
  set("a", {});

  EXPECT_EQ(out_.calls(), 0u);
}

TEST_F(MergedObjectsTest, LastFileWinsWhicheverIsReadFirst) {
  set("b", {web("10.0.0.2")});
  set("a", {web("10.0.0.1")});

  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.2")));
  EXPECT_EQ(out_.upserted(), 1u);
}

TEST_F(MergedObjectsTest, LaterPathWinsOverALaterName) {
  merged_.set({1, "a"}, "/second/a", {web("10.0.0.2")}, &out_);
  merged_.set({0, "z"}, "/first/z", {web("10.0.0.1")}, &out_);

  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.2")));
}

TEST_F(MergedObjectsTest, TheFileBeforeTakesOverWhenTheLastOneGoes) {
  set("a", {web("10.0.0.1")});
  set("b", {web("10.0.0.2")});
  set("c", {web("10.0.0.3")});
  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.3")));

  set("c", {});
  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.2")));

  set("b", {});
  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.1")));

  set("a", {});
  EXPECT_THAT(out_.all(), IsEmpty());
}

TEST_F(MergedObjectsTest, SayNothingOfWhatHasNoEffect) {
  set("a", {web("10.0.0.1")});
  set("b", {web("10.0.0.2")});
  const std::size_t told = out_.calls();

  set("a", {web("10.0.0.9")});
  set("a", {});

  EXPECT_EQ(out_.calls(), told);
  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.2")));
}

TEST_F(MergedObjectsTest, SayNothingWhereTheOtherFileSaysTheSame) {
  set("a", {web("10.0.0.1")});
  set("b", {web("10.0.0.1")});
  set("b", {});

  EXPECT_EQ(out_.calls(), 1u);
}

TEST_F(MergedObjectsTest, TheLastOfTwoInOneFileWins) {
  set("a", {web("10.0.0.1"), web("10.0.0.2")});

  EXPECT_THAT(out_.all(), ElementsAre(web("10.0.0.2")));
  EXPECT_THAT(doubles_, ElementsAre(Pair("a", "a")));
}

TEST_F(MergedObjectsTest, ReportWhichFileIsInForceAndWhichHasNoEffect) {
  set("b", {web("10.0.0.2")});
  EXPECT_THAT(doubles_, IsEmpty());

  set("a", {web("10.0.0.1")});
  EXPECT_THAT(doubles_, ElementsAre(Pair("b", "a")));

  set("c", {web("10.0.0.3")});
  EXPECT_THAT(doubles_, ElementsAre(Pair("c", "b")));

  set("c", {});
  set("b", {});
  EXPECT_THAT(doubles_, IsEmpty());
}

TEST_F(MergedObjectsTest, ForgetWhatOneFileDefinedTwiceWhenItDoesNotAnyMore) {
  set("a", {web("10.0.0.1"), web("10.0.0.2")});

  set("a", {web("10.0.0.1")});

  EXPECT_THAT(doubles_, IsEmpty());
}

TEST_F(MergedObjectsTest, KeepNamespacesApart) {
  set("a", {web("10.0.0.1")});
  set("b", {test::PodBuilder("web", "shop").ip("10.0.0.2")});

  EXPECT_THAT(out_.all(), SizeIs(2));
  EXPECT_THAT(doubles_, IsEmpty());
}

// --- ManifestObjects

class ManifestObjectsTest : public ::testing::Test {
 protected:
  void set(const std::string& file, ManifestContent content) {
    objects_.set({0, file}, file, std::move(content), &sinks_);
  }

  static model::Endpoints endpoints(const std::string& name,
                                    const std::vector<std::string>& addresses) {
    model::Endpoints made;
    made.meta.key = {"default", name};
    for (const std::string& address : addresses) {
      model::EndpointSubset& subset = made.subsets.emplace_back();
      subset.endpoints.emplace_back().address = test::ip(address);
      subset.ports.push_back({"", Protocol::TCP, 80});
    }
    return made;
  }

  std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const EndpointSlice& each : slices_.all()) {
      for (const auto& endpoint : each.endpoints) all.push_back(endpoint.address.to_string());
    }
    return all;
  }

  test::LogCapture log_;
  test::ObjectMap<Service> services_;
  test::ObjectMap<Pod> pods_;
  test::ObjectMap<EndpointSlice> slices_;
  test::ObjectMap<model::Node> nodes_;
  test::ObjectMap<model::ServiceCidr> service_cidrs_;
  const ManifestSinks sinks_{services_, pods_, slices_, nodes_, service_cidrs_};
  ManifestObjects objects_;
};

TEST_F(ManifestObjectsTest, GiveEachKindToItsSink) {
  set("a", {.services = {service("web")},
            .pods = {pod("p1", "10.0.0.1")},
            .slices = {slice("s1", "web")},
            .endpoints = {},
            .ignored = {}});

  EXPECT_THAT(services_.all(), ElementsAre(Service(service("web"))));
  EXPECT_THAT(pods_.all(), ElementsAre(Pod(pod("p1", "10.0.0.1"))));
  EXPECT_THAT(slices_.all(), ElementsAre(EndpointSlice(slice("s1", "web"))));
}

TEST_F(ManifestObjectsTest, TellNobodyWithoutSinks) {
  objects_.set({0, "a"}, "a",
               {.services = {service("web")},
                .pods = {pod("p1")},
                .slices = {slice("s1", "web")},
                .endpoints = {endpoints("db", {"10.0.0.1"})},
                .ignored = {}},
               nullptr);

  EXPECT_EQ(services_.calls() + pods_.calls() + slices_.calls(), 0u);

  objects_.replace_all(sinks_);
  EXPECT_THAT(services_.all(), SizeIs(1));
  EXPECT_THAT(pods_.all(), SizeIs(1));
  EXPECT_THAT(slices_.all(), SizeIs(2));
  EXPECT_EQ(services_.replaced(), 1u);
}

TEST_F(ManifestObjectsTest, ReplaceEvenWithNothing) {
  objects_.replace_all(sinks_);

  EXPECT_EQ(services_.replaced(), 1u);
  EXPECT_EQ(pods_.replaced(), 1u);
  EXPECT_EQ(slices_.replaced(), 1u);
}

TEST_F(ManifestObjectsTest, CountWhatIsInForce) {
  set("a", {.services = {service("web")},
            .pods = {pod("p1"), pod("p2")},
            .slices = {slice("s1", "web")},
            .endpoints = {endpoints("db", {"10.0.0.1", "10.0.0.2"})},
            .nodes = {test::node("node-1")},
            .ignored = {}});
  set("b", {.services = {service("web")},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("db", {"10.0.0.1"})},
            .ignored = {}});

  EXPECT_THAT(objects_.counts(),
              ElementsAre(Pair("EndpointSlice", 2), Pair("Node", 1), Pair("Pod", 2),
                          Pair("Service", 1), Pair("ServiceCIDR", 0)));
}

TEST_F(ManifestObjectsTest, W3_NodesHaveNoNamespace) {
  ManifestContent content;
  content.nodes = {test::node("node-1").zone("zone-a"), test::node("node-2")};
  set("a.yaml", content);
  content.nodes = {test::node("node-1").zone("zone-b")};
  set("b.yaml", content);

  ASSERT_EQ(nodes_.all().size(), 2u);
  EXPECT_EQ(nodes_.all()[0].zone(), "zone-b");
  EXPECT_THAT(objects_.doubles(), ElementsAre(DoubleDefinition{"Node node-1", "b.yaml", "a.yaml"}));
}

TEST_F(ManifestObjectsTest, W4_ServiceCidrsHaveNoNamespaceAndAreToldOf) {
  model::ServiceCidr block;
  block.meta.key.name = "kubernetes";
  block.cidrs = {test::cidr("10.96.0.0/12")};
  ManifestContent content;
  content.service_cidrs = {block};
  set("a.yaml", content);
  EXPECT_THAT(service_cidrs_.all(), ElementsAre(block));

  content.service_cidrs[0].cidrs = {test::cidr("10.32.0.0/12")};
  set("b.yaml", content);
  EXPECT_THAT(service_cidrs_.all(), ElementsAre(content.service_cidrs[0]));
  EXPECT_THAT(objects_.doubles(),
              ElementsAre(DoubleDefinition{"ServiceCIDR kubernetes", "b.yaml", "a.yaml"}));
  EXPECT_THAT(objects_.counts(), Contains(Pair("ServiceCIDR", 1)));

  set("b.yaml", {});
  objects_.replace_all(sinks_);
  EXPECT_THAT(service_cidrs_.all(), ElementsAre(block));
}

TEST_F(ManifestObjectsTest, KnowWhatIsDefinedTwice) {
  set("a.yaml", {.services = {service("web")},
                 .pods = {pod("p")},
                 .slices = {slice("s", "web")},
                 .endpoints = {endpoints("db", {"10.0.0.1"})},
                 .ignored = {}});
  EXPECT_THAT(objects_.doubles(), IsEmpty());

  set("b.yaml", {.services = {service("web")},
                 .pods = {pod("p")},
                 .slices = {slice("s", "web")},
                 .endpoints = {endpoints("db", {"10.0.0.1"})},
                 .ignored = {}});

  EXPECT_THAT(objects_.doubles(),
              ElementsAre(DoubleDefinition{"EndpointSlice default/s", "b.yaml", "a.yaml"},
                          DoubleDefinition{"Endpoints default/db", "b.yaml", "a.yaml"},
                          DoubleDefinition{"Pod default/p", "b.yaml", "a.yaml"},
                          DoubleDefinition{"Service default/web", "b.yaml", "a.yaml"}));
}

TEST_F(ManifestObjectsTest, MakeSlicesOfEndpoints) {
  set("a", {.services = {},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("web", {"10.0.0.1", "10.0.0.2"})},
            .ignored = {}});

  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(slices_.all().at(0).service(), (ObjectKey{"default", "web"}));
}

TEST_F(ManifestObjectsTest, DoNotMixEndpointsOfOneNameFromTwoFiles) {
  set("a", {.services = {},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("web", {"10.0.0.1", "10.0.0.2", "fd00::3"})},
            .ignored = {}});
  set("b", {.services = {},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("web", {"fd00::9"})},
            .ignored = {}});
  EXPECT_THAT(addresses(), ElementsAre("fd00::9"));

  set("b", {});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "10.0.0.2", "fd00::3"));

  set("a", {});
  EXPECT_THAT(slices_.all(), IsEmpty());
}

TEST_F(ManifestObjectsTest, TellOnlyOfTheSubsetsThatChanged) {
  set("a", {.services = {},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("web", {"10.0.0.1", "10.0.0.2", "10.0.0.3"})},
            .ignored = {}});
  const std::size_t told = slices_.calls();

  set("a", {.services = {},
            .pods = {},
            .slices = {},
            .endpoints = {endpoints("web", {"10.0.0.1", "10.0.0.9"})},
            .ignored = {}});

  EXPECT_EQ(slices_.calls(), told + 2);
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "10.0.0.9"));
}

TEST_F(ManifestObjectsTest, LookDifferentFromEndpointSlicesOfTheSameName) {
  set("a", {.services = {},
            .pods = {},
            .slices = {slice("web", "web").endpoint("10.0.0.7")},
            .endpoints = {endpoints("web", {"10.0.0.1"})},
            .ignored = {}});

  EXPECT_THAT(addresses(), ElementsAre("10.0.0.7", "10.0.0.1"));
  EXPECT_THAT(log_.lines(), IsEmpty());
}

}  // namespace
}  // namespace wherry::manifest
