#pragma once

#include "base/environment.h"
#include "base/fault.h"
#include "watcher/api/access.h"

#include <string>
#include <variant>

namespace wherry::api {

/// What a person said about the cluster; empty: nothing.
struct AccessChoice {
  std::string kubeconfig;  ///< --kubeconfig
  std::string context;     ///< --context
  std::string master;      ///< --master: in place of the server that is found
};

/// Where a pod's service account lies (A24).
inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

/// The way to the cluster: the kubeconfig that is given; else, inside a pod, its service account;
/// else the files that KUBECONFIG names; else .kube/config in the home folder. With --master alone
/// and nothing of that, the server without credentials. `origin` says what was taken. The proxy is
/// the kubeconfig's or the environment's (A31), and credentials are left out, with a warning, where
/// the server does not speak TLS.
///
/// Reads files; everything else is pure.
[[nodiscard]] std::variant<ClusterAccess, Faults> find_access(
    const AccessChoice& choice, const Environment& environment,
    const std::string& service_account_folder = kServiceAccountFolder);

}  // namespace wherry::api
