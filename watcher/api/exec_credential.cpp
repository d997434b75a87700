#include "watcher/api/exec_credential.h"

#include "base/document/field_reader.h"
#include "base/document/read_documents.h"
#include "watcher/api/base64.h"
#include "watcher/model/timestamp.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <utility>

namespace wherry::api {
namespace {

namespace json = boost::json;
using document::FieldReader;

json::string text(std::string_view value) { return json::string(value); }

ApiFailure wrong(std::string what) {
  return {ApiErrc::Credentials, "the exec plugin's answer " + std::move(what)};
}

}  // namespace

std::string exec_info(const ExecPlugin& plugin, const ClusterAccess& access,
                      std::string_view certificate_authority) {
  json::object spec{{"interactive", false}};
  if (plugin.provide_cluster_info) {
    json::object cluster{{"server", text(access.server.to_string())}};
    if (!access.tls_server_name.empty()) cluster["tls-server-name"] = text(access.tls_server_name);
    if (access.skip_verify) cluster["insecure-skip-tls-verify"] = true;
    if (!certificate_authority.empty()) {
      cluster["certificate-authority-data"] = text(encode_base64(certificate_authority));
    }
    if (access.proxy) cluster["proxy-url"] = text(access.proxy->to_string());
    if (!access.compression) cluster["disable-compression"] = true;
    spec["cluster"] = std::move(cluster);
  }
  return json::serialize(json::object{{"apiVersion", text(plugin.api_version)},
                                      {"kind", "ExecCredential"},
                                      {"spec", std::move(spec)}});
}

ApiResult<ExecCredential> parse_exec_credential(std::string_view output,
                                                std::string_view api_version) {
  std::optional<json::value> answer;
  const document::Limits limits{.depth = 16, .nodes = 1000, .bytes = 1u << 20};
  const auto error = document::read_documents(output, document::Expect::Json, limits,
                                              [&answer](document::Document&& each) {
                                                if (!answer && !each.item)
                                                  answer = std::move(each.value);
                                              });
  if (error) return wrong("is no JSON");  // its text may quote a token
  document::FieldFaults faults;
  const json::value none = json::object();
  const FieldReader root(answer ? *answer : none, faults);
  if (!answer || !answer->is_object()) return wrong("is no ExecCredential: it is empty");
  if (root.string("kind") != "ExecCredential") return wrong("is no ExecCredential: kind says so");
  if (root.string("apiVersion") != api_version) {
    return wrong("has another apiVersion than " + std::string(api_version) +
                 ", which the kubeconfig names; correct users[].exec.apiVersion");
  }
  const FieldReader status = root.object("status");
  if (!status.present()) return wrong("has no status");
  ExecCredential credential;
  std::string token = status.string("token");
  credential.token = Secret(token);
  wipe(token);
  credential.client_certificate = Secret(status.string("clientCertificateData"));
  std::string key = status.string("clientKeyData");
  credential.client_key = Secret(key);
  wipe(key);
  if (const auto expires = status.optional_string("expirationTimestamp")) {
    credential.expires = model::parse_timestamp(*expires);
    if (!credential.expires) return wrong("has an expirationTimestamp that is no time");
  }
  if (!faults.empty())
    return wrong("has a field of a wrong type: " + faults.front().path.to_string());
  if (credential.token.empty() && credential.client_certificate.empty()) {
    return wrong("has neither token nor clientCertificateData");
  }
  if (credential.client_certificate.empty() != credential.client_key.empty()) {
    return wrong("has one of clientCertificateData and clientKeyData without the other");
  }
  return credential;
}

}  // namespace wherry::api
