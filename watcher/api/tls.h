#pragma once

#include "base/async/timers.h"
#include "base/clock.h"
#include "watcher/api/client_certificate.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <string_view>

/// TLS over any Transport, by OpenSSL.
namespace wherry::api {

/// Whom to believe, and what to show. Immutable, shared by connections.
class TlsContext;

struct TlsTrust {
  std::string_view authorities{};  ///< PEM; empty: the system's
  std::string authorities_from{};  ///< for messages: a file, "certificate-authority-data"
  bool skip_verify = false;
};

/// Fails where the PEM texts are not what they should be. Of authorities one certificate is enough.
[[nodiscard]] ApiResult<std::shared_ptr<const TlsContext>> make_tls_context(
    const TlsTrust& trust, const ClientCertificate& certificate);

/// Shakes hands as a client over `lower`, which it takes. `server_name` is the name, or the
/// address, that must stand on the server's certificate, which must be valid at `now`. A failure
/// says what is wrong with the certificate and what to do about it.
[[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<Transport>>> start_tls(
    std::unique_ptr<Transport> lower, std::shared_ptr<const TlsContext> context,
    std::string server_name, WallTime now, Timers& timers, Duration timeout);

/// What an error of a Transport means, TLS or not; `peer` is whom we talk to.
[[nodiscard]] ApiFailure failure_of_transport(const error_code& error, const std::string& peer);

/// What OpenSSL says goes wrong on an established connection; its message is OpenSSL's.
[[nodiscard]] const boost::system::error_category& tls_category() noexcept;

}  // namespace wherry::api
