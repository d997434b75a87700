#include "tests/balancer/model/random_history.h"

#include "tests/balancer/model/naive_model.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace wherry::balancer {
namespace {

constexpr std::uint64_t kSeeds = 400;

TEST(RandomHistory, IsTheSameForTheSameSeed) {
  EXPECT_EQ(to_lines(random_history(7)), to_lines(random_history(7)));
  EXPECT_NE(to_lines(random_history(7)), to_lines(random_history(8)));
}

TEST(RandomHistory, EndsWithABuild) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    ASSERT_EQ(random_history(seed).events.back().op, Event::Op::Build) << seed;
  }
}

/// What never happens is never compared: each word must come up in some answer.
TEST(RandomHistory, ReachesEveryVerdictAndEveryRule) {
  std::map<std::string, int> seen;
  const auto look_for = [&seen](const std::string& text, std::string_view what) {
    seen[std::string(what)] += text.find(what) != std::string::npos ? 1 : 0;
  };
  std::size_t undefined = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const History history = random_history(seed);
    World world;
    std::string all;
    for (const Event& event : history.events) {
      world.apply(event);
      if (event.op != Event::Op::Build) continue;
      const NaiveAnswer answer = naive_answer(history, world);
      undefined += answer.undefined_upstream.size();
      for (const auto& [key, line] : answer.ports) all += line + '\n';
    }
    for (const std::string_view what : {"/IPv4",
                                        "/IPv6",
                                        "/UDP",
                                        "/SCTP",
                                        "affinity=None",
                                        "affinity=ClientIP",
                                        "=rsl",
                                        "=rst",
                                        "=stl",
                                        "local=[1",
                                        "local=[[",
                                        "internal=forward",
                                        "internal=reject",
                                        "internal=drop",
                                        "external=forward",
                                        "external=reject",
                                        "external=drop",
                                        "from_node=forward",
                                        "admits=y",
                                        "admits=n",
                                        "yny",
                                        "health=32000:0",
                                        "health=32000:1",
                                        "ip= "}) {
      look_for(all, what);
    }
    look_for(to_lines(history), "\"replace\"");
    look_for(to_lines(history), "\"erase\"");
    look_for(to_lines(history), "\"proxyName\":\"wherry\"");
  }

  for (const auto& [what, times] : seen) EXPECT_GT(times, 0) << what;
  EXPECT_GT(undefined, 0u);
}

/// The hints of the generator would be in vain if no history made them count.
TEST(RandomHistory, MakesHintsCount) {
  int narrowed = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const History history = random_history(seed);
    World world;
    for (const Event& event : history.events) world.apply(event);
    History elsewhere = history;
    elsewhere.node = "node-9";  // hinted for nobody
    const Answer here = naive_answer(history, world).ports;
    const Answer there = naive_answer(elsewhere, world).ports;
    for (const auto& [key, line] : here) {
      const auto cluster = [](const std::string& text) {
        const std::size_t begin = text.find(" cluster=");
        return text.substr(begin, text.find(" local=") - begin);
      };
      if (cluster(line) != cluster(there.at(key))) ++narrowed;
    }
  }

  EXPECT_GT(narrowed, 5);
}

}  // namespace
}  // namespace wherry::balancer
