#pragma once

#include "watcher/api/access.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/tls.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace wherry::api {

/// The authorities that an API server's certificate must come from, read again for each new
/// connection; what is empty, broken or half written keeps the last good ones (A26). Where there
/// are none yet, blocks that are no certificates are passed over as client-go does, with a warning,
/// and one certificate is enough. Control thread only.
class TrustStore {
 public:
  explicit TrustStore(const ClusterAccess& access) : access_(access) {}

  /// What a new connection uses, with this client certificate.
  [[nodiscard]] ApiResult<std::shared_ptr<const TlsContext>> context(
      const ClientCertificate& certificate);

  /// How often the file had changed, and whether that could be taken.
  struct Reloads {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
  };
  [[nodiscard]] const Reloads& reloads() const noexcept { return reloads_; }

 private:
  [[nodiscard]] std::optional<ApiFailure> read_again();
  [[nodiscard]] std::string take(std::string text);
  [[nodiscard]] std::string source() const;

  const ClusterAccess& access_;
  std::string authorities_;  ///< the last good ones of the file
  std::string refused_;      ///< what the file held when it was broken, so as to count it once
  std::string fault_;        ///< why the last good ones stay in use; said once
  ClientCertificate certificate_;
  std::shared_ptr<const TlsContext> context_;  ///< of the two
  Reloads reloads_;
};

}  // namespace wherry::api
