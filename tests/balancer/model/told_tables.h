#pragma once

#include "proxy/health/health_checks.h"
#include "tests/balancer/model/answer.h"
#include "tests/balancer/model/history.h"
#include "tests/balancer/tables.h"

#include <cstdint>
#include <map>
#include <string>

namespace wherry::balancer {

/// wherry's side: decoders, trackers and table builder, told of a history event by event, and asked
/// for what the table says.
class ToldTables {
 public:
  explicit ToldTables(const History& history);

  /// Build included.
  void tell(const Event& event);
  /// What the last table says.
  [[nodiscard]] Answer answer() const;

  /// What the first table would say of a process that starts now and is told the objects one by
  /// one, in an order that follows from `seed`.
  [[nodiscard]] static Answer answer_from_scratch(const History& history, const World& world,
                                                  std::uint64_t seed);

 private:
  void upsert(const std::string& kind, const boost::json::value& object);
  void build();

  const History& history_;
  Tables tables_;
  health::HealthChecks health_;
};

}  // namespace wherry::balancer
