#pragma once

#include "base/ip_address.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {

/// What one side says of a service port, in words that all sides share: the naive model, wherry's
/// table, and kube-proxy through tests/oracle. Compared as text.
struct PortAnswer {
  std::string key;  ///< "a/s0:http/TCP/IPv4"
  std::string cluster_ip;
  int port = 0;
  int node_port = 0;
  std::vector<std::string> external_ips;
  std::vector<std::string> load_balancer_ips;
  std::string affinity;  ///< "None", or "ClientIP/" and the timeout in seconds
  std::string admits;    ///< see admits_text()
  /// Every endpoint as "address=flags": r(eady), s(erving), t(erminating), l(ocal).
  std::vector<std::string> endpoints;
  std::vector<std::string> cluster;  ///< the cluster set, whether a policy uses it or not
  std::vector<std::string> local;    ///< the local set, likewise
  /// "forward[10.1.0.1:80]", "reject[]" or "drop[]", by kind of traffic.
  std::string internal;
  std::string external;   ///< empty where there is no way in from outside
  std::string from_node;  ///< to the same addresses, but from this node or its pods; likewise
  std::string health;     ///< the Service's health check: "node port:local endpoints"; or empty

  /// The whole of it in one line. Lists are sorted.
  [[nodiscard]] std::string to_line() const;
};

/// What one side says of a node: a line for each service port, by key.
using Answer = std::map<std::string, std::string>;

/// "[b,a]" sorted: "[a,b]".
[[nodiscard]] std::string list_text(std::vector<std::string> items);

/// "10.1.0.1:80=rs"
[[nodiscard]] std::string endpoint_text(const std::string& address, bool ready, bool serving,
                                        bool terminating, bool local);

/// Whether source ranges let clients in: "y" or "n" for each load balancer address (in the order of
/// their texts) and each of a few clients, the address itself the last.
[[nodiscard]] std::string admits_text(
    IpFamily family, std::vector<std::string> load_balancer_ips,
    const std::function<bool(const IpAddress& client, const IpAddress& address)>& admits);

/// Reads what the oracle says.
[[nodiscard]] Answer to_answer(const std::vector<std::string>& lines);

/// The lines that differ, a's with "-" and b's with "+"; empty if there are none. Keys in
/// `left_out` are not compared.
[[nodiscard]] std::string difference(const Answer& a, const Answer& b,
                                     const std::vector<std::string>& left_out = {});

}  // namespace wherry::balancer
