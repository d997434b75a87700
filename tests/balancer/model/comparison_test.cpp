#include "tests/balancer/model/comparison.h"

#include "tests/balancer/model/random_history.h"
#include "tests/balancer/model/told_tables.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wherry::balancer {
namespace {

/// What wherry itself says at each build, in the place of kube-proxy.
std::vector<Answer> own_answers(const History& history) {
  std::vector<Answer> answers;
  ToldTables tables(history);
  for (const Event& event : history.events) {
    tables.tell(event);
    if (event.op == Event::Op::Build) answers.push_back(tables.answer());
  }
  return answers;
}

/// A history that ends with something to say.
History talkative_history() {
  for (std::uint64_t seed = 0;; ++seed) {
    History history = random_history(seed);
    if (!own_answers(history).back().empty()) return history;
  }
}

TEST(Comparison, FindsNothingWhereAllSayTheSame) {
  const History history = talkative_history();
  Compared compared;

  EXPECT_EQ(compare_with_model(history, compared), "");
  EXPECT_EQ(compare_with_oracle(history, own_answers(history), compared), "");
  EXPECT_EQ(compared.cases, 2u);
  EXPECT_GT(compared.ports, 0u);
}

TEST(Comparison, FindsALineThatDiffers) {
  const History history = talkative_history();
  auto answers = own_answers(history);
  std::string& line = answers.back().begin()->second;
  line += " more";
  Compared compared;

  EXPECT_NE(compare_with_oracle(history, answers, compared).find("- " + line), std::string::npos);
}

TEST(Comparison, FindsALineThatIsMissing) {
  const History history = talkative_history();
  auto answers = own_answers(history);
  const std::string key = answers.back().begin()->first;
  answers.back().erase(key);
  Compared compared;

  EXPECT_NE(compare_with_oracle(history, answers, compared).find("- no " + key), std::string::npos);
}

TEST(Difference, PassesOverWhatIsLeftOut) {
  const Answer a = {{"k", "k one"}, {"l", "l"}};
  const Answer b = {{"k", "k two"}, {"l", "l"}};

  EXPECT_EQ(difference(a, b), "- k one\n+ k two\n");
  EXPECT_EQ(difference(a, b, {"k"}), "");
}

}  // namespace
}  // namespace wherry::balancer
