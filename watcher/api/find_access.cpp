#include "watcher/api/find_access.h"

#include "base/read_file.h"
#include "watcher/api/environment_proxy.h"
#include "watcher/api/kubeconfig.h"

#include <charconv>
#include <filesystem>
#include <vector>

namespace wherry::api {
namespace {

namespace fs = std::filesystem;
using Found = std::variant<ClusterAccess, Faults>;

constexpr std::size_t kLargestKubeconfig = 16u << 20;

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Fault fault(std::string subject, std::string text) {
  return {{std::move(subject)}, "", std::move(text)};
}

Found read_kubeconfig(const std::vector<std::string>& files, const AccessChoice& choice) {
  Kubeconfig kubeconfig;
  Faults faults;
  for (const std::string& file : files) {
    auto text = read_file(file, kLargestKubeconfig);
    if (!text) {
      faults.push_back(
          fault(file, text.error() == boost::system::errc::file_too_large
                          ? "is larger than 16 MiB, which no kubeconfig is"
                          : text.error().message() + "; name a kubeconfig that can be read"));
      continue;
    }
    kubeconfig.add(*text, file, faults);
    wipe(*text);
  }
  if (!faults.empty()) return faults;
  return kubeconfig.resolve({choice.context, choice.master});
}

bool is_in_pod(const Environment& environment) {
  return !environment.get("KUBERNETES_SERVICE_HOST").empty() &&
         !environment.get("KUBERNETES_SERVICE_PORT").empty();
}

/// A24.
Found read_service_account(const AccessChoice& choice, const Environment& environment,
                           const std::string& folder) {
  ClusterAccess access;
  access.origin = "the pod's service account";
  access.token_file = folder + "/token";
  if (!exists(access.token_file)) {
    return Faults{fault(access.token_file,
                        "is not there, although KUBERNETES_SERVICE_HOST says that this is a pod; "
                        "let the pod mount its service account (automountServiceAccountToken), or "
                        "give --kubeconfig FILE")};
  }
  std::string server(environment.get("KUBERNETES_SERVICE_HOST"));
  if (server.find(':') != std::string::npos) server = '[' + server + ']';
  server += ':' + std::string(environment.get("KUBERNETES_SERVICE_PORT"));
  auto url = parse_server_url(choice.master.empty() ? "https://" + server : choice.master, true);
  if (const auto* wrong = std::get_if<UrlFault>(&url)) {
    return Faults{fault(
        choice.master.empty() ? "KUBERNETES_SERVICE_HOST" : "--master",
        '"' + without_user(choice.master.empty() ? server : choice.master) + "\" " + wrong->text)};
  }
  access.server = std::move(std::get<ServerUrl>(url));
  access.certificate_authority.file = folder + "/ca.crt";
  if (!exists(access.certificate_authority.file)) {
    access.warnings.push_back(access.certificate_authority.file +
                              " is not there: the API server's certificate is compared with the "
                              "system's authorities");
    access.certificate_authority.file.clear();
  }
  return access;
}

std::vector<std::string> files_of_variable(const Environment& environment) {
  std::vector<std::string> files;
  const std::string_view list = environment.get("KUBECONFIG");
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t colon = rest.find(':');
    if (colon != 0) files.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return files;
}

Found nothing_found(const AccessChoice& choice, const std::string& looked_at) {
  if (choice.master.empty() || !choice.context.empty()) {
    return Faults{
        fault(choice.context.empty() ? "cluster" : "--context",
              looked_at + "; give --kubeconfig FILE, or --manifests PATH to serve files")};
  }
  auto url = parse_server_url(choice.master, false);
  if (const auto* wrong = std::get_if<UrlFault>(&url)) {
    return Faults{fault("--master", '"' + without_user(choice.master) + "\" " + wrong->text)};
  }
  ClusterAccess access;
  access.origin = "--master alone, without credentials";
  access.server = std::move(std::get<ServerUrl>(url));
  return access;
}

Found choose(const AccessChoice& choice, const Environment& environment,
             const std::string& service_account_folder) {
  if (!choice.kubeconfig.empty()) return read_kubeconfig({choice.kubeconfig}, choice);
  if (is_in_pod(environment) && choice.context.empty()) {
    return read_service_account(choice, environment, service_account_folder);
  }
  if (const auto listed = files_of_variable(environment); !listed.empty()) {
    std::vector<std::string> files;
    for (const std::string& file : listed) {
      if (exists(file)) files.push_back(file);  // as kubectl: one that is missing is passed over
    }
    if (!files.empty()) return read_kubeconfig(files, choice);
    return nothing_found(choice, "none of the files that KUBECONFIG names is there (" +
                                     std::string(environment.get("KUBECONFIG")) + ')');
  }
  const std::string_view home = environment.get("HOME");
  const std::string file = std::string(home) + "/.kube/config";
  if (!home.empty() && exists(file)) return read_kubeconfig({file}, choice);
  return nothing_found(choice, "this is no pod, KUBECONFIG is not set, and there is no " + file);
}

/// Credentials are for TLS only: anybody on the way could read them (A29).
void leave_out_credentials(ClusterAccess& access) {
  if (access.server.tls || !access.has_credentials()) return;
  ClusterAccess bare;
  bare.origin = access.origin;
  bare.server = access.server;
  bare.proxy = access.proxy;
  bare.compression = access.compression;
  bare.impersonate = access.impersonate;
  bare.name_space = access.name_space;
  bare.warnings = std::move(access.warnings);
  bare.warnings.push_back("credentials are not sent to " + access.server.to_string() +
                          ", which does not speak TLS; give the server an https:// address");
  access = std::move(bare);
}

}  // namespace

Found find_access(const AccessChoice& choice, const Environment& environment,
                  const std::string& service_account_folder) {
  Found found = choose(choice, environment, service_account_folder);
  auto* access = std::get_if<ClusterAccess>(&found);
  if (access == nullptr) return found;
  if (!access->proxy) {
    auto proxy = proxy_of_environment(environment, access->server);
    if (const auto* wrong = std::get_if<UrlFault>(&proxy))
      return Faults{fault("proxy", wrong->text)};
    access->proxy = std::move(std::get<std::optional<ProxyUrl>>(proxy));
  }
  if (access->skip_verify) {
    access->warnings.push_back(
        "the API server's certificate is not verified "
        "(insecure-skip-tls-verify): anybody on the way can pass for it");
  }
  leave_out_credentials(*access);
  return found;
}

}  // namespace wherry::api
