#pragma once

#include "tests/balancer/tables.h"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <vector>

namespace wherry::balancer {

/// A small cluster in which random things happen: Services and slices come, change, move and go.
/// Everything follows from the seed.
class RandomCluster {
 public:
  explicit RandomCluster(std::uint32_t seed) : random_(seed) {}

  /// One event, told to the trackers.
  void happen(Tables& tables);

  /// A cluster that holds now what this one does, told of it in a random order.
  void tell_everything(Tables& tables);

 private:
  int below(int n) { return std::uniform_int_distribution(0, n - 1)(random_); }
  [[nodiscard]] model::Service some_service();
  [[nodiscard]] model::EndpointSlice some_slice();
  [[nodiscard]] std::vector<model::Service> all_services() const;
  [[nodiscard]] std::vector<model::EndpointSlice> all_slices() const;

  std::mt19937 random_;
  std::map<model::ObjectKey, model::Service> services_;
  std::map<model::ObjectKey, model::EndpointSlice> slices_;
};

}  // namespace wherry::balancer
