#pragma once

#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Blocking sockets on loopback for the far ends of what a test looks at. Every wait is bounded;
/// what does not come in time throws.
namespace wherry::test {

inline constexpr std::chrono::seconds kPatience{10};

/// A listening socket on a free port (or, with `address`, on that one).
class TestListener {
 public:
  explicit TestListener(const SocketAddress& address = {IpAddress::loopback(IpFamily::IPv4), 0},
                        int backlog = 128);

  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] UniqueFd accept() const;
  /// Whether a client waits to be accepted, now or within `patience`.
  [[nodiscard]] bool has_client(std::chrono::milliseconds patience) const;
  void close() { fd_.reset(); }
  /// Gives the socket away, non-blocking.
  [[nodiscard]] UniqueFd release_non_blocking();

 private:
  UniqueFd fd_;
  SocketAddress address_;
};

/// Connects; throws with errno's text where that fails.
[[nodiscard]] UniqueFd connect_to(const SocketAddress& address);
/// 0, or the errno value that connect() gave.
[[nodiscard]] int try_connect(const SocketAddress& address);

/// Two ends of one TCP connection; the second one is the accepted, non-blocking end.
struct TcpPair {
  UniqueFd near;
  UniqueFd far;
  SocketAddress near_address;
};
[[nodiscard]] TcpPair tcp_pair();

void send_all(int fd, std::string_view bytes);
/// Exactly `size` bytes.
[[nodiscard]] std::string receive(int fd, std::size_t size);
/// Everything up to the other side's end.
[[nodiscard]] std::string receive_to_end(int fd);
/// Whether the other side ended in good order, within the patience.
[[nodiscard]] bool ends_well(int fd);
/// Whether the other side's RST arrives within the patience.
[[nodiscard]] bool is_reset(int fd);
/// Reads what came before it: whether the connection ends, well or not, within the patience.
[[nodiscard]] bool ends(int fd);
/// Reads what came before it: whether it ends with a RST, within the patience.
[[nodiscard]] bool ends_with_reset(int fd);
/// Whether the connection is over in both directions, or broken, within the patience: what poll()
/// says of it, whatever was read.
[[nodiscard]] bool is_hung_up(int fd);
/// Sends a RST.
void reset(UniqueFd& fd);
void shut_down_sending(int fd);

/// Whether sockets can be bound to ::1.
[[nodiscard]] bool has_ipv6();
/// An address and port on which nobody listens.
[[nodiscard]] SocketAddress closed_port();

/// Looks every millisecond until `condition` holds; false if it did not in time.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds patience = kPatience);

}  // namespace wherry::test
