#pragma once

#include "tests/balancer/model/answer.h"
#include "tests/balancer/model/history.h"

#include <cstddef>
#include <string>
#include <vector>

namespace wherry::balancer {

/// How much was compared.
struct Compared {
  std::size_t cases = 0;     ///< histories
  std::size_t moments = 0;   ///< builds in them
  std::size_t ports = 0;     ///< service ports at these moments
  std::size_t left_out = 0;  ///< of them undefined upstream, and therefore not compared with it

  Compared& operator+=(const Compared& other);
};

/// At each build of a history: the naive model, the table built step by step, and one built from
/// scratch must say the same. Returns what they differ in, the first time; empty if they agree.
[[nodiscard]] std::string compare_with_model(const History& history, Compared& compared);

/// At each build: what kube-proxy's code said, and the table built step by step. For histories from
/// a cluster. Service ports that kube-proxy leaves to chance are left out.
[[nodiscard]] std::string compare_with_oracle(const History& history,
                                              const std::vector<Answer>& said, Compared& compared);

}  // namespace wherry::balancer
