#pragma once

#include "proxy/steer/local_routes.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

namespace wherry::steer {

/// A kernel that keeps routes of ours in a list, and writes down what it was asked for.
class FakeLocalRoutes final : public LocalRoutes {
 public:
  [[nodiscard]] Result<std::vector<LocalRoute>> list() override {
    if (cannot_list) return error_code(EPERM, boost::system::system_category());
    return routes;
  }
  [[nodiscard]] std::vector<RouteFailure> put(std::span<const LocalRoute> wanted) override {
    std::vector<RouteFailure> failed;
    for (const LocalRoute& route : wanted) {
      const std::string text = route.destination.to_string();
      calls.push_back("put " + text + (route.source ? " src " + route.source->to_string() : ""));
      if (refused.contains(text)) {
        failed.push_back({route, refusal()});
        continue;
      }
      erase(route.destination);
      routes.push_back(route);
    }
    return failed;
  }
  [[nodiscard]] std::vector<RouteFailure> remove(std::span<const Cidr> destinations) override {
    std::vector<RouteFailure> failed;
    for (const Cidr& destination : destinations) {
      calls.push_back("remove " + destination.to_string());
      if (refused.contains(destination.to_string())) {
        failed.push_back({{destination, std::nullopt}, refusal()});
        continue;
      }
      erase(destination);
    }
    return failed;
  }
  void erase(const Cidr& destination) {
    std::erase_if(routes, [&destination](const auto& r) { return r.destination == destination; });
  }

  std::vector<LocalRoute> routes;
  std::vector<std::string> calls;
  std::set<std::string> refused;  ///< destinations
  bool cannot_list = false;

 private:
  static NetlinkFailure refusal() {
    return {error_code(EPERM, boost::system::system_category()), {}};
  }
};

}  // namespace wherry::steer
