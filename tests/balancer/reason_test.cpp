#include "balancer/reason.h"

#include "tests/support/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {
namespace {

TEST(Reason, HasTheWordsThatTablesAndMetricsShow) {
  std::vector<std::string_view> words;
  for (const Reason reason : kReasons) words.push_back(to_string(reason));

  EXPECT_THAT(words, ::testing::ElementsAre(
                         "ready_endpoints", "serving_terminating", "no_endpoints",
                         "no_local_endpoints", "source_ranges", "too_many_endpoints", "wrong_port",
                         "free_address", "not_ready", "terminating", "other_node", "other_zone"));
}

TEST(Reason, EachHasARuleOfItsOwnInASentence) {
  std::set<std::string_view> rules;
  for (const Reason reason : kReasons) {
    const std::string_view rule = rule_text(reason);
    EXPECT_TRUE(rule.ends_with('.')) << to_string(reason) << ": " << rule;
    rules.insert(rule);
  }

  EXPECT_EQ(rules.size(), kReasons.size());
}

TEST(Reason, EachStandsInTheDocumentation) {
  std::ifstream file(test::repository_path("deploy/operations.md"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};

  for (const Reason reason : kReasons) {
    const std::string begin = "| `" + std::string(to_string(reason)) + "` | ";
    const std::string end = " | " + std::string(rule_text(reason)) + " |\n";
    const std::size_t at = text.find(begin);
    ASSERT_NE(at, std::string::npos) << begin;
    EXPECT_NE(text.substr(at, text.find('\n', at) + 1 - at).find(end), std::string::npos) << end;
  }
}

}  // namespace
}  // namespace wherry::balancer
