#pragma once

#include "base/secret.h"
#include "watcher/api/server_url.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::api {

/// A certificate or key: its text, or the file that it is read from, again and again.
struct FileOrText {
  std::string file;
  Secret text;  ///< wins over the file (A28)

  [[nodiscard]] bool empty() const noexcept { return file.empty() && text.empty(); }
};

/// A program that is asked for credentials (A30).
struct ExecPlugin {
  std::string api_version;  ///< "client.authentication.k8s.io/v1"
  std::string command;      ///< a path, or a name that is looked for in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  ///< besides ours
  std::string install_hint;
  bool provide_cluster_info = false;
};

/// In whose name requests are made (A29).
struct Impersonation {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;

  [[nodiscard]] bool empty() const noexcept {
    return user.empty() && uid.empty() && groups.empty() && extra.empty();
  }
};

/// Where an API server is, how to know it, and what it shall know us by. Plain data: what a
/// kubeconfig says, or a pod's service account.
struct ClusterAccess {
  std::string origin;  ///< for people: "the pod's service account", "FILE, context NAME"

  ServerUrl server;
  FileOrText certificate_authority;  ///< empty: the system's
  bool skip_verify = false;          ///< take any certificate
  std::string tls_server_name;       ///< the name on the certificate; empty: the server's host
  std::optional<ProxyUrl> proxy;
  bool compression = true;  ///< ask for gzip

  Secret token;
  std::string token_file;  ///< wins over the token; read again and again (A25)
  std::string user;        ///< of basic authentication
  Secret password;
  FileOrText client_certificate;
  FileOrText client_key;
  Impersonation impersonate;
  std::optional<ExecPlugin> exec;

  std::string name_space;  ///< the context's; empty: none

  std::vector<std::string> warnings;  ///< what an operator should know of this access

  /// Whether there is anything that the server shall know us by.
  [[nodiscard]] bool has_credentials() const noexcept {
    return !token.empty() || !token_file.empty() || !user.empty() || !client_certificate.empty() ||
           exec.has_value();
  }
};

}  // namespace wherry::api
