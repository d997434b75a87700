#pragma once

#include "balancer/backend_table.h"
#include "balancer/client_address.h"
#include "balancer/client_filter.h"
#include "balancer/connection_verdict.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wherry::balancer {

/// Who connects: an address, a kind, or both where the address does not tell the kind.
struct Client {
  std::optional<IpAddress> address;
  std::optional<ClientKind> kind;

  /// "10.0.0.1", "pod", "node", "outside", "pod=10.0.0.1". Nothing for what is none of these.
  [[nodiscard]] static std::optional<Client> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Client&, const Client&) = default;
};

struct Question {
  Client client;
  SocketAddress destination;
  Protocol protocol = Protocol::TCP;
};

/// What becomes of a connection, and why.
struct Explanation {
  Question question;
  ClientKind kind = ClientKind::Outside;
  AddressKind address_kind = AddressKind::ClusterIp;
  model::ObjectKey service;                 ///< empty where no Service has the address (E10)
  const ServicePortEntry* entry = nullptr;  ///< of the table; null where the port is none (E10)
  Verdict verdict = Verdict::Reject;
  Reason reason = Reason::WrongPort;
  std::string rule;                     ///< "E7: ...": the contract's id, and its rule in words
  std::vector<std::uint32_t> backends;  ///< among which one is picked, by index
  /// Of each of them whether it sees the client's own address, else the node's; empty where that is
  /// not known.
  std::vector<bool> sees_client;
  std::vector<Excluded> excluded;  ///< all others, each with the reason
};

/// Why there is no explanation, and the remedy.
struct NoExplanation {
  enum class Kind {
    NotFound,      ///< no Service has this address
    ClientNeeded,  ///< it depends on the client's address, which was not given
  };
  Kind kind = Kind::NotFound;
  std::string text;
};

/// Which service port a client of an address comes to; nothing where steering knows none.
using FindEntrance = std::function<std::optional<Entrance>(Protocol, const SocketAddress&)>;

/// How clients get to service ports, as far as steering knows it.
struct WaysIn {
  FindEntrance find;
  /// Whether what `find` does not know leads nowhere; else the Services' own addresses say it.
  bool is_complete = false;
  /// Whether the ports of an address that are no Service's are the host's own; none: of none (E10).
  std::function<bool(const IpAddress&)> passes{};
  std::vector<Cidr> service_cidrs{};  ///< in which free addresses are silent (E10)
  /// Whether a backend sees the client's own address (client_address.h); none: that is not known.
  std::function<bool(const ClientAndBackend&)> sees_client{};
};

/// The verdict on one connection, by the same functions that decide about real ones. Pure.
[[nodiscard]] std::variant<Explanation, NoExplanation> explain(const BackendTable& table,
                                                               const WaysIn& ways_in,
                                                               const Question& question);

}  // namespace wherry::balancer
