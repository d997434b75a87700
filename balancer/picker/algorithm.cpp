#include "balancer/picker/algorithm.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace wherry::balancer {
namespace {

using Name = std::pair<std::string_view, Algorithm>;

constexpr std::array<Name, 5> kNames = {{{"round-robin", Algorithm::RoundRobin},
                                         {"random", Algorithm::Random},
                                         {"least-connections", Algorithm::LeastConnections},
                                         {"ewma", Algorithm::Ewma},
                                         {"maglev", Algorithm::Maglev}}};

constexpr std::array<Name, 11> kSchedulers = {{{"rr", Algorithm::RoundRobin},
                                               {"wrr", Algorithm::RoundRobin},
                                               {"lc", Algorithm::LeastConnections},
                                               {"wlc", Algorithm::LeastConnections},
                                               {"lblc", Algorithm::LeastConnections},
                                               {"lblcr", Algorithm::LeastConnections},
                                               {"sed", Algorithm::LeastConnections},
                                               {"nq", Algorithm::LeastConnections},
                                               {"sh", Algorithm::Maglev},
                                               {"dh", Algorithm::Maglev},
                                               {"mh", Algorithm::Maglev}}};

std::optional<Algorithm> find(std::span<const Name> names, std::string_view name) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [name](const Name& each) { return each.first == name; });
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  return kNames[static_cast<std::size_t>(algorithm)].first;
}

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
  return find(kNames, name);
}

std::optional<Algorithm> algorithm_of_scheduler(std::string_view name) noexcept {
  return find(kSchedulers, name);
}

}  // namespace wherry::balancer
