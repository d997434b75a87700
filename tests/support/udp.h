#pragma once

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "tests/support/sockets.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace wherry::test {

/// A UDP socket on loopback for the far ends of what a test looks at. Every wait is bounded.
class UdpSocket {
 public:
  /// On a free port of 127.0.0.1, or where `address` says.
  explicit UdpSocket(const SocketAddress& address = {IpAddress::loopback(IpFamily::IPv4), 0});

  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Gives the socket away, non-blocking.
  [[nodiscard]] UniqueFd release_non_blocking();

  /// From now on it takes datagrams of this peer only, and errors that concern it.
  void connect(const SocketAddress& peer);
  /// To the peer; 0 or an errno value.
  int send(std::string_view bytes) const;
  void send_to(const SocketAddress& to, std::string_view bytes) const;

  struct Received {
    std::string bytes;
    SocketAddress from;
  };
  /// Nothing if nothing comes in time, or there is an error: error() says which.
  [[nodiscard]] std::optional<Received> receive(std::chrono::milliseconds patience = kPatience);
  /// An errno value, of the last receive(); 0 where it got something, or nothing came.
  [[nodiscard]] int error() const { return error_; }

 private:
  UniqueFd fd_;
  SocketAddress address_;
  int error_ = 0;
};

/// A pod that answers every datagram with its name, a colon, and the datagram.
class UdpPod {
 public:
  explicit UdpPod(std::string name,
                  const SocketAddress& address = {IpAddress::loopback(IpFamily::IPv4), 0});
  ~UdpPod();
  UdpPod(const UdpPod&) = delete;
  UdpPod& operator=(const UdpPod&) = delete;

  [[nodiscard]] const SocketAddress& address() const { return socket_.address(); }
  [[nodiscard]] std::uint64_t served() const { return served_; }

 private:
  void run();

  const std::string name_;
  UdpSocket socket_;
  std::atomic<std::uint64_t> served_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// What a client is answered that asks once; "refused" or "silence" where that is what it gets.
[[nodiscard]] std::string ask_udp(const SocketAddress& address, std::string_view question,
                                  std::chrono::milliseconds patience = kPatience);

}  // namespace wherry::test
