#pragma once

#include "base/async/asio.h"
#include "base/socket_address.h"
#include "tests/support/certificates.h"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace wherry::test {

/// Speaks TLS on loopback and says "hello" to whoever has shaken hands. Runs on the test's loop.
/// stop(), then run the loop until idle(), before it goes.
class TlsServer {
 public:
  struct Options {
    TestCertificate shown;           ///< the server's; more certificates of its chain may follow it
    std::string client_authority{};  ///< PEM; not empty: a client certificate of it is wanted
    int newest_version = 0;          ///< TLS1_1_VERSION, ...; 0: whatever OpenSSL has
    bool says_goodbye = false;       ///< ends the connection after its word, by TLS's rules
    bool hangs_up = false;           ///< ends the connection after its word, without a close_notify
    IpFamily family = IpFamily::IPv4;
  };

  TlsServer(asio::io_context& loop, Options options);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// The name that the last client asked for (SNI); empty: none.
  [[nodiscard]] const std::string& asked_for() const { return asked_for_; }
  /// The common name on the last client's certificate; empty: it showed none.
  [[nodiscard]] const std::string& client() const { return client_; }
  [[nodiscard]] std::size_t handshakes() const { return handshakes_; }
  /// From now on.
  void show(TestCertificate certificate);

  void stop();
  [[nodiscard]] bool idle() const;

 private:
  struct State;
  asio::awaitable<void> accept();
  void on_handshake(void* session);  ///< OpenSSL's SSL

  Options options_;
  std::unique_ptr<State> state_;
  std::string asked_for_;
  std::string client_;
  std::size_t handshakes_ = 0;
};

}  // namespace wherry::test
