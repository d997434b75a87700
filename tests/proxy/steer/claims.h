#pragma once

#include "proxy/steer/listen_claims.h"
#include "tests/proxy/steer/fake_local_addresses.h"
#include "tests/support/builders.h"

#include <map>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

using Texts = std::vector<std::string>;

/// Claims of Services, each called by the words of its service port's key.
class Claims {
 public:
  explicit Claims(ListenRules rules = {}) : claims(std::move(rules), local) {}

  /// All service ports of a Service; returns the addresses that were touched.
  std::set<ListenAddress> update(const model::Service& object) {
    std::set<ListenAddress> touched;
    const balancer::Flattened flattened = balancer::flatten(object, {});
    for (const balancer::ServicePort& port : flattened.ports) {
      balancer::ServicePortEntry entry;
      const std::string name = port.key.to_string();
      const auto number = static_cast<std::uint32_t>(ids_.size());
      entry.id = ids_.try_emplace(name, balancer::ServicePortId{number, number + 1}).first->second;
      entry.service_port = port;
      touched.merge(claims.update(entry));
    }
    return touched;
  }
  std::set<ListenAddress> remove(const std::string& name) { return claims.remove(id(name)); }

  [[nodiscard]] balancer::ServicePortId id(const std::string& name) const { return ids_.at(name); }
  [[nodiscard]] Texts owned_by(const std::string& name) const {
    Texts texts;
    for (const SocketAddress& address : claims.owned_by(id(name))) {
      texts.push_back(address.to_string());
    }
    return texts;
  }
  [[nodiscard]] std::string owner(const std::string& address,
                                  Protocol protocol = Protocol::TCP) const {
    const auto owner = claims.owner({test::at(address), protocol});
    for (const auto& [name, id] : ids_) {
      if (owner == id) return name;
    }
    return "nobody";
  }
  [[nodiscard]] Texts problems() const {
    Texts texts;
    for (const ListenProblem& problem : claims.problems()) texts.push_back(problem.text);
    return texts;
  }

  FakeLocalAddresses local;
  ListenClaims claims;

 private:
  std::map<std::string, balancer::ServicePortId> ids_;
};

inline const std::string kWeb = "default/web/TCP/IPv4";
inline const std::string kWebIpv6 = "default/web/TCP/IPv6";
inline const std::string kApi = "default/api/TCP/IPv4";
inline const std::string kDb = "default/db/TCP/IPv4";

inline test::ServiceBuilder web() { return test::service("web").port("", 80); }
inline test::ServiceBuilder api() { return test::service("api").port("", 80); }

inline ListenRules rules(const std::string& address, const std::string& pool = "", int offset = 0) {
  ListenRules rules;
  rules.listen_address = test::ip(address);
  if (!pool.empty()) rules.pool = Cidr::parse(pool).value();
  rules.port_offset = static_cast<std::uint16_t>(offset);
  return rules;
}

struct PlaceCase {
  const char* name;
  ListenRules rules;
  test::ServiceBuilder service;
  std::map<std::string, Texts> owned;  ///< by service port
};
inline std::ostream& operator<<(std::ostream& out, const PlaceCase& each) {
  return out << each.name;
}

}  // namespace wherry::steer
