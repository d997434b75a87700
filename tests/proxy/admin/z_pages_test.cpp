#include "proxy/admin/z_pages.h"

#include "watcher/model/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::admin {
namespace {

using namespace std::chrono_literals;

ProcessFacts facts() {
  return {.version = "1.2.3",
          .mode = "bind",
          .started = *model::parse_timestamp("2026-11-28T10:00:00Z"),
          .up = 3723s + 500ms,
          .flags = {{"listen-address", "127.0.0.1"}, {"workers", "2"}},
          .configuration = R"({"apiVersion":"wherry.io/v1alpha1","kind":"Configuration"})"};
}

TEST(ZPages, H4_FlagzAsText) {
  EXPECT_EQ(flagz_text(facts()),
            "\nwherry flagz\nWarning: This endpoint is not meant to be machine parseable, has no "
            "formatting compatibility guarantees and is for debugging purposes only.\n"
            "listen-address=127.0.0.1\nworkers=2\n");
}

TEST(ZPages, H4_FlagzAsJson) {
  EXPECT_EQ(flagz_json(facts()),
            R"({"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"wherry"},)"
            R"("flags":{"listen-address":"127.0.0.1","workers":"2"}})"
            "\n");
}

TEST(ZPages, H4_StatuszAsText) {
  EXPECT_THAT(statusz_text(facts(), {"/flagz", "/statusz"}),
              ::testing::EndsWith("\n\nStarted: 2026-11-28T10:00:00Z\nUp: 1h2m3s\n"
                                  "Binary version: 1.2.3\nPaths: /flagz /statusz\n"));
}

TEST(ZPages, H4_StatuszAsJson) {
  EXPECT_EQ(
      statusz_json(facts(), {"/flagz", "/statusz"}),
      R"({"kind":"Statusz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"wherry"},)"
      R"("startTime":"2026-11-28T10:00:00Z","uptimeSeconds":3723,"goVersion":"",)"
      R"("binaryVersion":"1.2.3","paths":["/flagz","/statusz"]})"
      "\n");
}

struct AcceptCase {
  const char* name;
  const char* accept;
  bool json;
};
class AsksForJson : public ::testing::TestWithParam<AcceptCase> {};

TEST_P(AsksForJson, H4_OnlyByTheKindItself) {
  EXPECT_EQ(asks_for_json(GetParam().accept, "Flagz"), GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(
    Headers, AsksForJson,
    ::testing::Values(
        AcceptCase{"Nothing", "", false}, AcceptCase{"Anything", "*/*", false},
        AcceptCase{"PlainJson", "application/json", false},
        AcceptCase{"TheKind", "application/json;v=v1beta1;g=config.k8s.io;as=Flagz", true},
        AcceptCase{"AnOldVersion", "application/json;v=v1alpha1;g=config.k8s.io;as=Flagz", true},
        AcceptCase{"AnUnknownVersion", "application/json;v=v9;g=config.k8s.io;as=Flagz", false},
        AcceptCase{"AnotherKind", "application/json;v=v1beta1;g=config.k8s.io;as=Statusz", false},
        AcceptCase{"SeveralRanges",
                   "text/html, application/json; g=config.k8s.io; as=Flagz, text/plain", true},
        AcceptCase{"Yaml", "application/yaml;g=config.k8s.io;as=Flagz", false}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace wherry::admin
