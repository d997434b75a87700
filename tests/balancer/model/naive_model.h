#pragma once

#include "tests/balancer/model/answer.h"
#include "tests/balancer/model/history.h"

#include <string>
#include <vector>

namespace wherry::balancer {

/// What the naive model says of a node.
struct NaiveAnswer {
  Answer ports;
  /// Keys of service ports of which kube-proxy may say one thing or another: it looks at slices in
  /// no order, and two of them say different things of one address (T7).
  std::vector<std::string> undefined_upstream;
};

/// "Which backends may this client on this node be sent to", answered a second time: from the
/// objects' JSON itself, for one moment, with nothing remembered, no index and no care for speed.
/// It shares no code with wherry's decoders, trackers and decisions but the reading of an address.
[[nodiscard]] NaiveAnswer naive_answer(const History& history, const World& world);

}  // namespace wherry::balancer
