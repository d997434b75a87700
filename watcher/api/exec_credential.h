#pragma once

#include "base/clock.h"
#include "base/secret.h"
#include "watcher/api/access.h"
#include "watcher/api/api_failure.h"

#include <optional>
#include <string>
#include <string_view>

/// What is said to an exec plugin and what it answers (A30). Pure.
namespace wherry::api {

/// A plugin's answer.
struct ExecCredential {
  Secret token;
  Secret client_certificate;
  Secret client_key;
  std::optional<WallTime> expires;  ///< none: holds until the server refuses it
};

/// KUBERNETES_EXEC_INFO. `certificate_authority` is the authority's text.
[[nodiscard]] std::string exec_info(const ExecPlugin& plugin, const ClusterAccess& access,
                                    std::string_view certificate_authority);

/// The ExecCredential that a plugin printed. The failure's text names the field that is wrong, and
/// never what stands in it.
[[nodiscard]] ApiResult<ExecCredential> parse_exec_credential(std::string_view output,
                                                              std::string_view api_version);

}  // namespace wherry::api
