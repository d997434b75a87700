#pragma once

#include "balancer/node_view.h"
#include "balancer/verdict.h"
#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/socket_address.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::bpf {

/// What a client asks for, as the kernel looks it up: a port of an address, or a NodePort; or a
/// range of ports, which is one entry of the kernel's whatever its length.
struct Destination {
  Protocol protocol = Protocol::TCP;  ///< TCP or UDP
  IpFamily family = IpFamily::IPv4;
  std::optional<IpAddress> ip;  ///< none: a NodePort, at SteerScope::node_port_addresses
  std::uint16_t port = 0;
  std::uint16_t last_port = 0;  ///< `port`, but for a range

  [[nodiscard]] static Destination of(Protocol protocol, const IpAddress& ip, std::uint16_t port);
  [[nodiscard]] static Destination node_port(Protocol protocol, IpFamily family,
                                             std::uint16_t port);

  [[nodiscard]] bool is_range() const noexcept { return port != last_port; }
  /// "TCP 10.96.0.1:80", "UDP [fd00::1]:30000-30100", "TCP IPv4 NodePort 30080".
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Destination&, const Destination&) = default;
};

/// What becomes of those who ask for it. Where a port has an entry of its own and lies in ranges
/// too, its own counts; of ranges that overlap, the shortest, then the one with the lowest port.
struct Steered {
  std::array<balancer::Verdict, 3> by_client{};  ///< by balancer::ClientKind
  /// Who may, where by_client says forward (F1): all others are dropped. None: everybody.
  std::optional<std::vector<Cidr>> sources;

  [[nodiscard]] balancer::Verdict verdict(balancer::ClientKind client) const {
    return by_client[static_cast<std::size_t>(client)];
  }

  friend bool operator==(const Steered&, const Steered&) = default;
};

/// What the kernel has to know of the node.
struct SteerScope {
  std::vector<Cidr> service_cidrs;  ///< addresses in there that no Service has are dropped (E10)
  /// Where NodePorts count (F2); 127.0.0.0/8 and ::1 always (F3). Ports of these addresses that are
  /// no Service's stay the host's.
  std::vector<IpAddress> node_port_addresses;
  /// All addresses of the node. Clients that come from there are ClientKind::Node, and so are those
  /// that come from the address they go to, from loopback, or in by lo. Ports of these addresses
  /// that are no Service's stay the host's, also where such an address is a Service's external IP.
  std::vector<IpAddress> node_addresses;
  std::vector<Cidr> pod_cidrs;  ///< clients from there are ClientKind::Pod
  std::vector<unsigned>
      pod_interfaces;  ///< likewise what comes in there, where the kernel shows it

  friend bool operator==(const SteerScope&, const SteerScope&) = default;
};

/// What is different from now on. What is set to what it is already costs nothing in the kernel.
struct SteerChange {
  std::vector<std::pair<Destination, Steered>> set;
  std::vector<Destination> erase;  ///< before `set`; what is not there is passed over
  std::optional<SteerScope> scope;
};

/// Which sockets take what comes.
enum class Group : std::uint8_t {
  Forward,  ///< those that carry
  Silent,   ///< one whose filter lets nothing in: a listening TCP, or a bound UDP socket
};

/// What became of what was asked of the kernel, since the maps exist.
struct SteerCounts {
  std::uint64_t forwarded = 0;
  std::uint64_t rejected = 0;           ///< by a verdict
  std::uint64_t dropped = 0;            ///< by a verdict
  std::uint64_t dropped_by_source = 0;  ///< F1
  std::uint64_t wrong_port = 0;         ///< E10: rejected
  std::uint64_t free_address = 0;       ///< E10: dropped
  std::uint64_t no_socket = 0;          ///< rejected, as no socket of the group was there
};

/// How much of what attach() does is in place.
enum class Attachment : std::uint8_t {
  Detached,  ///< the kernel does not ask us
  Unpinned,  ///< it does, but not all is pinned that shall outlive the process
  Whole,
};

/// The kernel's choice of sockets for what Services have asked for. Addresses that have a
/// destination are Services': their other ports are rejected. What is neither such an address, nor
/// a NodePort, nor in a service CIDR goes to the host as ever.
///
/// One per network namespace. Owned by the node's steering. Control thread.
class KernelSteering {
 public:
  KernelSteering() = default;
  KernelSteering(const KernelSteering&) = delete;
  KernelSteering& operator=(const KernelSteering&) = delete;
  virtual ~KernelSteering() = default;

  /// Makes it so. The first call names all there is, and has a scope: what a process before this
  /// one has left and is not in it goes. An entry that can't be taken is named in the log, the rest
  /// is applied, and the first such error returned; what failed in the kernel is tried again by the
  /// next call, also with an empty change.
  virtual error_code apply(const SteerChange& change) = 0;

  /// Who takes what comes for a group: a listening TCP or a bound UDP socket. The address it is
  /// bound to does not matter; of a reuseport group any one stands for all. The kernel forgets a
  /// socket that is closed: if others of its group remain, one of them has to be given.
  virtual error_code set_socket(Protocol protocol, IpFamily family, Group group, int fd) = 0;

  /// Whether the kernel asks us, and all that belongs to it is in place (R7).
  virtual Result<Attachment> attachment() = 0;
  /// Makes it so, or puts back what is missing. What was there before goes on until this moment.
  /// What can't be pinned is no error here: the next attachment() says it.
  virtual error_code attach() = 0;

  virtual SteerCounts counts() { return {}; }

  enum class Pins : std::uint8_t { Remove, Keep };
  /// The end. With Pins::Keep what is pinned stays in force for the next process, but for the
  /// sockets; without pins, and with Pins::Remove, nothing is left.
  virtual void close(Pins pins) = 0;
};

}  // namespace wherry::bpf
