#pragma once

#include "base/random.h"
#include "proxy/bpf/kernel_steering.h"
#include "tests/support/builders.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace wherry::bpf {

/// What somebody asks the kernel for.
struct Question {
  Protocol protocol = Protocol::TCP;
  IpAddress client;
  IpAddress address;
  std::uint16_t port = 0;
  unsigned interface = 0;  ///< 0: not known

  friend std::ostream& operator<<(std::ostream& out, const Question& each) {
    return out << to_string(each.protocol) << ' ' << each.client.to_string() << " -> "
               << SocketAddress{each.address, each.port}.to_string() << " by " << each.interface;
  }
};

enum class Answer { Pass, Forward, Reject, Drop };
inline std::ostream& operator<<(std::ostream& out, Answer answer) {
  constexpr const char* names[] = {"pass", "forward", "reject", "drop"};
  return out << names[static_cast<int>(answer)];
}

/// The rules, written down as directly as can be: everything is looked through for each question.
class NaiveSteering {
 public:
  void apply(const SteerChange& change) {
    for (const Destination& each : change.erase) wanted.erase(each);
    for (const auto& [destination, steered] : change.set) wanted[destination] = steered;
    if (change.scope) scope = *change.scope;
  }

  [[nodiscard]] Answer ask(const Question& question) const {
    if (const Steered* found = find(question, question.address)) return act(*found, question);
    const bool is_node_port_address =
        question.address.is_loopback() || has(scope.node_port_addresses, question.address);
    if (is_node_port_address) {
      if (const Steered* found = find(question, std::nullopt)) return act(*found, question);
    }
    if (is_node_port_address || has(scope.node_addresses, question.address)) return Answer::Pass;
    for (const auto& [destination, steered] : wanted) {
      if (destination.ip == question.address) return Answer::Reject;
    }
    return in(scope.service_cidrs, question.address) ? Answer::Drop : Answer::Pass;
  }

  std::map<Destination, Steered> wanted;
  SteerScope scope;

 private:
  static bool has(const std::vector<IpAddress>& list, const IpAddress& ip) {
    return std::find(list.begin(), list.end(), ip) != list.end();
  }
  static bool in(const std::vector<Cidr>& list, const IpAddress& ip) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Cidr& each) { return each.contains(ip); });
  }
  [[nodiscard]] const Steered* find(const Question& question,
                                    const std::optional<IpAddress>& ip) const {
    const Steered* best = nullptr;
    std::pair<int, int> best_rank{};
    for (const auto& [destination, steered] : wanted) {
      if (destination.ip != ip || destination.protocol != question.protocol ||
          destination.family != question.address.family() || question.port < destination.port ||
          question.port > destination.last_port) {
        continue;
      }
      const std::pair<int, int> rank{destination.last_port - destination.port, destination.port};
      if (best == nullptr || rank < best_rank) best = &steered, best_rank = rank;
    }
    return best;
  }
  [[nodiscard]] balancer::ClientKind kind(const Question& question) const {
    balancer::NodeView node;
    node.addresses = scope.node_addresses;
    const auto by_address = balancer::client_kind(question.client, question.address, node);
    if (by_address == balancer::ClientKind::Node || question.interface == 1) {
      return balancer::ClientKind::Node;
    }
    if (std::find(scope.pod_interfaces.begin(), scope.pod_interfaces.end(), question.interface) !=
            scope.pod_interfaces.end() ||
        in(scope.pod_cidrs, question.client)) {
      return balancer::ClientKind::Pod;
    }
    return balancer::ClientKind::Outside;
  }
  [[nodiscard]] Answer act(const Steered& steered, const Question& question) const {
    switch (steered.verdict(kind(question))) {
      case balancer::Verdict::Reject:
        return Answer::Reject;
      case balancer::Verdict::Drop:
        return Answer::Drop;
      case balancer::Verdict::Forward:
        break;
    }
    return !steered.sources || in(*steered.sources, question.client) ? Answer::Forward
                                                                     : Answer::Drop;
  }
};

/// Changes and questions by chance, over few addresses and ports so that they meet.
class SteeringHistory {
 public:
  explicit SteeringHistory(std::uint64_t seed) : bits_(seed) {}

  [[nodiscard]] bool chance(std::uint64_t one_in) { return next(one_in) == 0; }
  [[nodiscard]] std::uint64_t next(std::uint64_t bound) { return bits_.next() % bound; }

  [[nodiscard]] SteerScope scope() {
    SteerScope scope;
    scope.service_cidrs = some({"10.96.0.0/24", "10.96.0.128/25", "fd00:96::/112"});
    scope.pod_cidrs = some({"10.244.1.0/24", "fd00:244:1::/64"});
    for (const char* address : {"192.0.2.1", "192.0.2.2", "2001:db8::1"}) {
      if (!chance(4)) scope.node_addresses.push_back(test::ip(address));
      if (chance(2)) scope.node_port_addresses.push_back(test::ip(address));
    }
    if (chance(2)) scope.pod_interfaces = {7, 8};
    return scope;
  }

  [[nodiscard]] Destination destination() {
    const auto protocol = chance(2) ? Protocol::UDP : Protocol::TCP;
    Destination made;
    if (chance(4)) {
      made = Destination::node_port(protocol, chance(2) ? IpFamily::IPv6 : IpFamily::IPv4, port());
    } else {
      made = Destination::of(protocol, pick(kVips), port());
    }
    if (chance(3)) made.last_port = static_cast<std::uint16_t>(made.port + next(6));
    return made;
  }

  [[nodiscard]] Steered steered() {
    Steered made;
    for (auto& verdict : made.by_client) verdict = static_cast<balancer::Verdict>(next(3));
    if (chance(3)) made.by_client = {};
    if (chance(3)) {
      made.sources =
          some({"203.0.113.0/24", "10.244.0.0/16", "192.0.2.0/24", "2001:db8::/64", "::/0"});
    }
    return made;
  }

  [[nodiscard]] SteerChange change(const NaiveSteering& now) {
    SteerChange change;
    for (const auto& [destination, steered] : now.wanted) {
      if (chance(6)) change.erase.push_back(destination);
    }
    for (auto count = next(5); count > 0; --count) {
      change.set.emplace_back(destination(), steered());
    }
    if (chance(4)) change.scope = scope();
    return change;
  }

  [[nodiscard]] Question question() {
    Question asked;
    asked.protocol = chance(2) ? Protocol::UDP : Protocol::TCP;
    asked.address = pick(kAsked);
    do asked.client = chance(8) ? asked.address : pick(kClients);
    while (asked.client.family() != asked.address.family());
    asked.port = port();
    asked.interface = static_cast<unsigned>(next(9));
    return asked;
  }

 private:
  using Names = std::vector<const char*>;
  inline static const Names kVips{"10.96.0.1",  "10.96.0.200", "192.0.2.1",   "198.51.100.1",
                                  "fd00:96::1", "2001:db8::1", "2001:db8::99"};
  inline static const Names kAsked{"10.96.0.1",   "10.96.0.200",  "10.96.0.3",    "192.0.2.1",
                                   "192.0.2.2",   "198.51.100.1", "198.51.100.2", "127.0.0.1",
                                   "127.9.9.9",   "::1",          "fd00:96::1",   "fd00:96::2",
                                   "2001:db8::1", "2001:db8::99", "2001:db8::98"};
  inline static const Names kClients{"203.0.113.9", "10.244.1.5",       "10.244.2.5",   "192.0.2.1",
                                     "127.0.0.1",   "198.51.100.9",     "2001:db8::50", "::1",
                                     "2001:db8::1", "fd00:244:1::1234", "fd00::1"};

  std::uint16_t port() { return static_cast<std::uint16_t>(1 + next(9)); }
  IpAddress pick(const Names& names) { return test::ip(names[next(names.size())]); }
  std::vector<Cidr> some(const Names& names) {
    std::vector<Cidr> made;
    for (const char* name : names) {
      if (!chance(3)) made.push_back(Cidr::parse(name).value());
    }
    return made;
  }

  RandomBits bits_;
};

}  // namespace wherry::bpf
