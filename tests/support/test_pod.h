#pragma once

#include "base/socket_address.h"
#include "tests/support/sockets.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace wherry::test {

/// A pod: whoever connects gets its name and the end of the connection.
class TestPod {
 public:
  /// Listens on a free port of 127.0.0.1, or where `address` says.
  explicit TestPod(std::string name,
                   const SocketAddress& address = {IpAddress::loopback(IpFamily::IPv4), 0});
  ~TestPod();
  TestPod(const TestPod&) = delete;
  TestPod& operator=(const TestPod&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] SocketAddress address() const { return address_; }
  [[nodiscard]] std::uint64_t served() const { return served_; }

 private:
  void run();

  const std::string name_;
  TestListener listener_;
  SocketAddress address_;
  std::atomic<std::uint64_t> served_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// What a client of an address is told; "refused" or "reset" where that is what it gets.
[[nodiscard]] std::string ask(const SocketAddress& address);

}  // namespace wherry::test
