#include "tests/watcher/decoding.h"
#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"
#include "watcher/model/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::model {
namespace {

using test::decode_with;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

ObjectMeta plain_meta(const FieldReader& object) { return decode_meta(object); }

struct KindCase {
  std::string name;
  std::string yaml;
  Kind kind;
};

class ClassifyKind : public ::testing::TestWithParam<KindCase> {};

TEST_P(ClassifyKind, LooksAtApiVersionAndKind) {
  const auto type = decode_with(decode_type, GetParam().yaml);

  EXPECT_THAT(type.faults, IsEmpty());
  EXPECT_EQ(type.object.classify(), GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ClassifyKind,
    ::testing::Values(
        KindCase{"Service", "{apiVersion: v1, kind: Service}", Kind::Service},
        KindCase{"Pod", "{apiVersion: v1, kind: Pod}", Kind::Pod},
        KindCase{"Endpoints", "{apiVersion: v1, kind: Endpoints}", Kind::Endpoints},
        KindCase{"List", "{apiVersion: v1, kind: List}", Kind::List},
        KindCase{"EndpointSlice", "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice}",
                 Kind::EndpointSlice},
        KindCase{"OldSlices", "{apiVersion: discovery.k8s.io/v1beta1, kind: EndpointSlice}",
                 Kind::Other},
        KindCase{"SliceOfTheCoreGroup", "{apiVersion: v1, kind: EndpointSlice}", Kind::Other},
        KindCase{"KnativeService", "{apiVersion: serving.knative.dev/v1, kind: Service}",
                 Kind::Other},
        KindCase{"LowerCase", "{apiVersion: v1, kind: service}", Kind::Other},
        KindCase{"Deployment", "{apiVersion: apps/v1, kind: Deployment}", Kind::Other}),
    [](const auto& each) { return each.param.name; });

struct FaultCase {
  std::string name;
  std::string yaml;
  std::vector<std::string> faults;
};

class TypeFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(TypeFaults, SayWhatIsMissing) {
  EXPECT_EQ(decode_with(decode_type, GetParam().yaml).faults, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, TypeFaults,
    ::testing::Values(
        FaultCase{"NoKind", "{apiVersion: v1}", {"is no Kubernetes object: it has no kind"}},
        FaultCase{
            "NoApiVersion", "{kind: Service}", {"is no Kubernetes object: it has no apiVersion"}},
        FaultCase{"Neither",
                  "{a: b}",
                  {"is no Kubernetes object: it has no apiVersion",
                   "is no Kubernetes object: it has no kind"}},
        FaultCase{"NullIsAbsent",
                  "{apiVersion: v1, kind: null}",
                  {"is no Kubernetes object: it has no kind"}},
        FaultCase{
            "EmptyKind", "{apiVersion: v1, kind: ''}", {"is no Kubernetes object: it has no kind"}},
        FaultCase{"NumberAsApiVersion",
                  "{apiVersion: 1, kind: Service}",
                  {"apiVersion: expected a string, found the number 1; put it in quotes"}},
        FaultCase{"ListAsKind",
                  "{apiVersion: v1, kind: [Service]}",
                  {"kind: expected a string, found a list"}}),
    [](const auto& each) { return each.param.name; });

TEST(DecodeMeta, ReadsEveryField) {
  const auto meta = decode_with(plain_meta, R"(
metadata:
  name: web
  namespace: shop
  uid: 6f0f-1
  labels: {app: web, tier: front}
  annotations: {wherry.io/listen-address: 127.0.0.9}
  creationTimestamp: "2026-11-23T10:00:00Z"
  deletionTimestamp: "2026-11-23T11:00:00Z"
)");

  EXPECT_THAT(meta.faults, IsEmpty());
  EXPECT_EQ(meta.object.key, (ObjectKey{"shop", "web"}));
  EXPECT_EQ(meta.object.uid, "6f0f-1");
  EXPECT_THAT(meta.object.labels, ElementsAre(Pair("app", "web"), Pair("tier", "front")));
  EXPECT_THAT(meta.object.annotations, ElementsAre(Pair("wherry.io/listen-address", "127.0.0.9")));
  ASSERT_TRUE(meta.object.created);
  EXPECT_EQ(format_timestamp(*meta.object.created), "2026-11-23T10:00:00Z");
  EXPECT_TRUE(meta.object.deleting);
}

class MetaDefaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(MetaDefaults, AreNamespaceDefaultAndNothingElse) {
  const auto meta = decode_with(plain_meta, GetParam().yaml);

  EXPECT_THAT(meta.faults, IsEmpty());
  ObjectMeta expected;
  expected.key = {"default", "web"};
  EXPECT_EQ(meta.object, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MetaDefaults,
    ::testing::Values(FaultCase{"AllAbsent", "{metadata: {name: web}}", {}},
                      FaultCase{"AllNull",
                                R"({metadata: {name: web, namespace: null, uid: null,
                         labels: null, annotations: null, creationTimestamp: null,
                         deletionTimestamp: null}})",
                                {}},
                      FaultCase{"EmptyNamespace", "{metadata: {name: web, namespace: ''}}", {}},
                      FaultCase{
                          "EmptyMaps", "{metadata: {name: web, labels: {}, annotations: {}}}", {}}),
    [](const auto& each) { return each.param.name; });

TEST(DecodeMeta, ReadsANullLabelAsTheEmptyString) {
  const auto meta = decode_with(plain_meta, "{metadata: {name: web, labels: {canary: }}}");

  EXPECT_THAT(meta.object.labels, ElementsAre(Pair("canary", "")));
}

TEST(DecodeMeta, KeepsOnlyAnnotationsThatWherryReads) {
  const auto meta = decode_with(plain_meta, R"(
metadata:
  name: web
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: "{...}"
    wherry.io/balance: round-robin
    wherry.iota/x: y
)");

  EXPECT_THAT(meta.object.annotations, ElementsAre(Pair("wherry.io/balance", "round-robin")));
}

class MetaFaults : public ::testing::TestWithParam<FaultCase> {};

TEST_P(MetaFaults, NameTheFieldAndTheRemedy) {
  EXPECT_EQ(decode_with(plain_meta, GetParam().yaml).faults, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MetaFaults,
    ::testing::Values(
        FaultCase{
            "MetadataIsAList", "{metadata: [web]}", {"metadata: expected a mapping, found a list"}},
        FaultCase{"NumberAsName",
                  "{metadata: {name: 80}}",
                  {"metadata.name: expected a string, found the number 80; put it in quotes"}},
        FaultCase{"BooleanAsNamespace",
                  "{metadata: {name: web, namespace: off}}",
                  {"metadata.namespace: expected a string, found the boolean false; put it in "
                   "quotes"}},
        FaultCase{"NumberAsUid",
                  "{metadata: {name: web, uid: 7}}",
                  {"metadata.uid: expected a string, found the number 7; put it in quotes"}},
        FaultCase{"LabelsAreAList",
                  "{metadata: {name: web, labels: [app]}}",
                  {"metadata.labels: expected a mapping, found a list"}},
        FaultCase{"BooleanAsLabel",
                  "{metadata: {name: web, labels: {canary: true}}}",
                  {"metadata.labels.canary: expected a string, found the boolean true; put it in "
                   "quotes"}},
        FaultCase{"NumberAsAnnotation",
                  "{metadata: {name: web, annotations: {wherry.io/weight: 5}}}",
                  {"metadata.annotations[\"wherry.io/weight\"]: expected a string, found the "
                   "number 5; put it in quotes"}},
        FaultCase{"NoTime",
                  "{metadata: {name: web, creationTimestamp: yesterday}}",
                  {"metadata.creationTimestamp: \"yesterday\" is no time; write one such as "
                   "2026-11-23T10:00:00Z"}},
        FaultCase{"NumberAsTime",
                  "{metadata: {name: web, deletionTimestamp: 1795428000}}",
                  {"metadata.deletionTimestamp: expected a string, found the number 1795428000; "
                   "put it in quotes"}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace wherry::model
