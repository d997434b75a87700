#include "tests/balancer/model/comparison.h"

#include "tests/balancer/model/naive_model.h"
#include "tests/balancer/model/told_tables.h"

namespace wherry::balancer {
namespace {

std::string headline(const History& history, std::size_t event, const std::string& what) {
  return what + " differ after event " + std::to_string(event + 1) + " of seed " +
         std::to_string(history.seed) + ":\n";
}

}  // namespace

Compared& Compared::operator+=(const Compared& other) {
  cases += other.cases;
  moments += other.moments;
  ports += other.ports;
  left_out += other.left_out;
  return *this;
}

std::string compare_with_model(const History& history, Compared& compared) {
  ToldTables tables(history);
  World world;
  ++compared.cases;
  for (std::size_t i = 0; i < history.events.size(); ++i) {
    tables.tell(history.events[i]);
    world.apply(history.events[i]);
    if (history.events[i].op != Event::Op::Build) continue;
    const Answer model = naive_answer(history, world).ports;
    ++compared.moments;
    compared.ports += model.size();
    const Answer incremental = tables.answer();
    if (const std::string text = difference(model, incremental); !text.empty()) {
      return headline(history, i, "the model (-) and the incremental build (+)") + text;
    }
    const Answer full = ToldTables::answer_from_scratch(history, world, history.seed + i);
    if (const std::string text = difference(full, incremental); !text.empty()) {
      return headline(history, i, "the full build (-) and the incremental build (+)") + text;
    }
  }
  return "";
}

std::string compare_with_oracle(const History& history, const std::vector<Answer>& said,
                                Compared& compared) {
  ToldTables tables(history);
  World world;
  ++compared.cases;
  std::size_t moment = 0;
  for (std::size_t i = 0; i < history.events.size(); ++i) {
    tables.tell(history.events[i]);
    world.apply(history.events[i]);
    if (history.events[i].op != Event::Op::Build) continue;
    const auto undefined = naive_answer(history, world).undefined_upstream;
    const Answer incremental = tables.answer();
    compared.ports += incremental.size();
    compared.left_out += undefined.size();
    ++compared.moments;
    const std::string text = difference(said.at(moment++), incremental, undefined);
    if (!text.empty()) {
      return headline(history, i, "kube-proxy (-) and the incremental build (+)") + text;
    }
  }
  return "";
}

}  // namespace wherry::balancer
