#pragma once

#include "base/async/asio.h"
#include "base/async/program.h"
#include "base/async/timers.h"
#include "base/async/wakeup.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/secret.h"
#include "watcher/api/access.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/client_certificate.h"
#include "watcher/api/exec_credential.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::api {

/// What the server knows us by, kept fresh: the token and the certificate are read again as they
/// rotate (A25, A27), a plugin is run again as what it said expires (A30). What can't be read
/// again, or is no good (a certificate whose key is another's), leaves the last good one in use.
/// Shared by all that talk to one server.
///
/// Control thread only. stop(), then run the loop until whoever waits has been answered.
class Credentials {
 public:
  Credentials(asio::io_context& loop, const ClusterAccess& access, Timers& timers,
              const Clock& clock, Environment environment);
  ~Credentials();

  /// The header lines of a request, each ended by CR LF; empty: none.
  [[nodiscard]] asio::awaitable<ApiResult<Secret>> headers();
  [[nodiscard]] asio::awaitable<ApiResult<ClientCertificate>> client_certificate();

  /// The server has refused (401) what headers() returned: the next request reads anew, unless
  /// somebody else's refusal has brought that about already. Whether it can change anything, so
  /// that the same request is worth another try.
  [[nodiscard]] bool invalidate(const Secret& refused);

  /// Called when the client certificate has become another one: connections that were made with
  /// the old one are to be closed. Remains until the destruction of what it returns.
  using Subscription = std::shared_ptr<std::function<void()>>;
  [[nodiscard]] Subscription on_certificate_change(std::function<void()> callback);

  void stop();

 private:
  [[nodiscard]] ApiResult<Secret> token_of_file();
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> refresh_plugin();
  [[nodiscard]] asio::awaitable<ApiResult<ExecCredential>> run_plugin();
  [[nodiscard]] bool plugin_is_fresh() const;
  [[nodiscard]] ApiResult<ClientCertificate> current_certificate();
  [[nodiscard]] ApiResult<ClientCertificate> read_certificate() const;
  void check_certificate_after(Duration pause);
  void set_certificate(const ClientCertificate& certificate);

  asio::io_context& loop_;
  const ClusterAccess& access_;
  Timers& timers_;
  const Clock& clock_;
  const Environment environment_;
  const std::optional<std::string> fixed_headers_;  ///< of impersonation; none: it can't be said

  Secret token_;  ///< of the file
  std::optional<TimePoint> token_read_;
  std::optional<ExecCredential> plugin_answer_;
  std::unique_ptr<Program> program_;  ///< while the plugin runs
  std::list<Wakeup> waiting_;         ///< for the plugin that runs
  std::optional<ApiFailure> plugin_failure_;
  std::optional<ClientCertificate> certificate_;  ///< the last good one
  std::string certificate_fault_;                 ///< why it stays in use; said once
  Timer certificate_check_;
  std::vector<std::weak_ptr<std::function<void()>>> subscribers_;
  bool stopping_ = false;
};

}  // namespace wherry::api
