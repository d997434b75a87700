#pragma once

#include "base/clock.h"

#include <string>

struct x509_st;  // OpenSSL's X509

/// What is wrong with a certificate or a handshake, in words for who must mend it. Pure.
namespace wherry::api {

/// Whose certificate was looked at, by whom, and when.
struct Verification {
  std::string server;       ///< the name or address that should stand on it
  std::string authorities;  ///< what the authorities were taken from
  WallTime now{};
};

/// `verify_error` is X509_V_ERR_*, `certificate` the one that it is about; may be null.
[[nodiscard]] std::string explain_refusal(int verify_error, const x509_st* certificate,
                                          const Verification& verification);

/// `reason` is SSL_R_*, `message` OpenSSL's own words.
[[nodiscard]] std::string explain_handshake_error(int reason, const std::string& message,
                                                  const std::string& server);

}  // namespace wherry::api
