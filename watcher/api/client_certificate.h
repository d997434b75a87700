#pragma once

#include "base/secret.h"

#include <optional>
#include <string>

namespace wherry::api {

/// A client certificate with its key, as PEM; both empty where there is none.
struct ClientCertificate {
  Secret chain;
  Secret key;

  friend bool operator==(const ClientCertificate&, const ClientCertificate&) = default;
};

/// What keeps a server from being shown this: no PEM, a torn one, a key with a password, a key that
/// belongs to another certificate, as where one of two files has been replaced and the other not
/// yet (A27). Nothing where all is well, and where there is none. Pure.
[[nodiscard]] std::optional<std::string> fault_of(const ClientCertificate& certificate);

}  // namespace wherry::api
