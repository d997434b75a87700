#pragma once

#include "base/clock.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wherry::test {

/// A certificate and its key, as PEM; with those of its issuer it can be given out further.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

/// What a certificate shall say. It is valid around the time at which ManualClock begins and, long
/// over, never at the system's: who looks at the wrong clock refuses it.
struct CertificateRequest {
  enum class Use : std::uint8_t { Server, Client, Authority };

  std::string common_name;
  std::vector<std::string> names{};      ///< subjectAltName: DNS
  std::vector<std::string> addresses{};  ///< subjectAltName: IP
  Use use = Use::Server;
  WallTime from{std::chrono::seconds(1764547200)};   // 2025-12-01T00:00:00Z
  WallTime until{std::chrono::seconds(1769904000)};  // 2026-02-01T00:00:00Z
};

/// With a fresh P-256 key. Without an issuer it signs itself.
[[nodiscard]] TestCertificate make_certificate(const CertificateRequest& request,
                                               const TestCertificate* issuer = nullptr);
/// Valid for four weeks longer.
[[nodiscard]] TestCertificate make_authority(const std::string& common_name,
                                             const TestCertificate* issuer = nullptr);
/// The key as a file that has a password.
[[nodiscard]] std::string encrypted_key(const TestCertificate& certificate,
                                        const std::string& password);

}  // namespace wherry::test
