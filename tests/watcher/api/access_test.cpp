#include "tests/support/temp_folder.h"
#include "watcher/api/environment_proxy.h"
#include "watcher/api/exec_credential.h"
#include "watcher/api/find_access.h"
#include "watcher/api/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

/// The way to a cluster: A24, A28 to A31 of the watch contract.
namespace wherry::api {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kTwoContexts = R"(apiVersion: v1
kind: Config
current-context: first
clusters:
- name: one
  cluster:
    server: https://10.0.0.1:6443/base
    certificate-authority: pki/ca.crt
    tls-server-name: kubernetes
    proxy-url: http://user:hidden@proxy:3128
    disable-compression: true
- name: two
  cluster:
    server: https://[fd00::1]:6443
    insecure-skip-tls-verify: true
contexts:
- name: first
  context: {cluster: one, user: alice, namespace: blue}
- name: second
  context: {cluster: two, user: bob}
users:
- name: alice
  user:
    client-certificate: pki/alice.crt
    client-key-data: a2V5
    client-key: pki/ignored.key
    as: carol
    as-uid: "7"
    as-groups: [admins, others]
    as-user-extra: {scopes: [view]}
- name: bob
  user: {token: secret-of-bob, tokenFile: /run/token}
)";

std::string text_of(const Faults& faults) {
  std::string all;
  for (const Fault& fault : faults) all += fault.to_string() + '\n';
  return all;
}

ClusterAccess resolve(std::string_view text, const Kubeconfig::Choice& choice = {}) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add(text, "/home/me/config", faults);
  EXPECT_THAT(text_of(faults), IsEmpty());
  auto found = kubeconfig.resolve(choice);
  if (const auto* wrong = std::get_if<Faults>(&found)) {
    ADD_FAILURE() << text_of(*wrong);
    return {};
  }
  return std::move(std::get<ClusterAccess>(found));
}

TEST(Kubeconfig, A28_TheCurrentContextSaysWhereAndHow) {
  const ClusterAccess access = resolve(kTwoContexts);
  EXPECT_EQ(access.server.to_string(), "https://10.0.0.1:6443/base");
  EXPECT_EQ(access.certificate_authority.file, "/home/me/pki/ca.crt");
  EXPECT_EQ(access.tls_server_name, "kubernetes");
  ASSERT_TRUE(access.proxy);
  EXPECT_EQ(access.proxy->to_string(), "http://proxy:3128");
  EXPECT_EQ(access.proxy->user, "user");
  EXPECT_FALSE(access.compression);
  EXPECT_FALSE(access.skip_verify);
  EXPECT_EQ(access.name_space, "blue");
}

TEST(Kubeconfig, A28_DataWinsOverFiles) {
  const ClusterAccess access = resolve(kTwoContexts);
  EXPECT_EQ(access.client_certificate.file, "/home/me/pki/alice.crt");
  EXPECT_EQ(access.client_key.text, Secret("key"));
}

TEST(Kubeconfig, A29_ImpersonatesWhomItSays) {
  const Impersonation as = resolve(kTwoContexts).impersonate;
  EXPECT_EQ(as.user, "carol");
  EXPECT_EQ(as.uid, "7");
  EXPECT_THAT(as.groups, ::testing::ElementsAre("admins", "others"));
  EXPECT_THAT(as.extra.at("scopes"), ::testing::ElementsAre("view"));
}

TEST(Kubeconfig, A28_AnotherContextCanBeChosen) {
  const ClusterAccess access = resolve(kTwoContexts, {"second", ""});
  EXPECT_EQ(access.server.to_string(), "https://[fd00::1]:6443");
  EXPECT_TRUE(access.skip_verify);
  EXPECT_EQ(access.token_file, "/run/token");
  EXPECT_FALSE(access.proxy);
}

TEST(Kubeconfig, A28_OfSeveralFilesTheFirstWordCounts) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add("current-context: second\n", "/a", faults);
  kubeconfig.add(kTwoContexts, "/b", faults);
  kubeconfig.add("contexts: [{name: second, context: {cluster: one, user: alice}}]\n", "/c",
                 faults);
  EXPECT_THAT(text_of(faults), IsEmpty());
  const auto found = kubeconfig.resolve({});
  ASSERT_TRUE(std::holds_alternative<ClusterAccess>(found));
  EXPECT_EQ(std::get<ClusterAccess>(found).server.host, "fd00::1");
}

TEST(Kubeconfig, A28_WhatIsWrongIsNamedWithItsPlace) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add(
      "clusters:\n- name: one\n  cluster:\n    server: 7\n- cluster: {server: https://a}\n"
      "contexts: [{name: first, context: {cluster: one}}]\n",
      "/home/me/config", faults);
  EXPECT_THAT(text_of(faults), HasSubstr("/home/me/config:5:3: clusters[1].name"));
  const auto found = kubeconfig.resolve({"first", ""});
  ASSERT_TRUE(std::holds_alternative<Faults>(found));
  EXPECT_THAT(text_of(std::get<Faults>(found)),
              HasSubstr("/home/me/config:4:13: clusters[0].cluster.server"));
}

TEST(Kubeconfig, A28_FaultsOfEntriesThatTheContextDoesNotUseKeepNobodyOut) {
  constexpr std::string_view kText = R"(
current-context: good
clusters:
- {name: one, cluster: {server: "https://a"}}
- {name: odd, cluster: {server: "https://b", certificate-authority-data: "?"}}
users:
- {name: alice, user: {token: t}}
- {name: old, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: c}}}
- {name: alice, user: {client-key: without-certificate}}
contexts:
- {name: good, context: {cluster: one, user: alice}}
- {name: bad, context: {cluster: odd, user: old}}
- {name: wrong, context: {cluster: one, namespace: 7}}
)";
  EXPECT_EQ(resolve(kText).server.host, "a");

  Kubeconfig kubeconfig;
  Faults none;
  kubeconfig.add(kText, "/home/me/config", none);
  EXPECT_THAT(none, IsEmpty());
  const std::string bad = text_of(std::get<Faults>(kubeconfig.resolve({"bad", ""})));
  EXPECT_THAT(bad, HasSubstr("/home/me/config:5:"));
  EXPECT_THAT(bad, HasSubstr("clusters[1].cluster.certificate-authority-data"));
  EXPECT_THAT(bad, HasSubstr("/home/me/config:8:"));
  EXPECT_THAT(bad, HasSubstr("v1alpha1"));
  EXPECT_THAT(text_of(std::get<Faults>(kubeconfig.resolve({"wrong", ""}))),
              HasSubstr("/home/me/config:13:"));
}

TEST(Kubeconfig, A28_AFaultOfOneFileAmongSeveralIsNamedWithItsOwnPlace) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add(kTwoContexts, "/first", faults);
  kubeconfig.add(
      "clusters:\n- name: good\n  cluster: {server: https://a}\n"
      "- name: bad\n  cluster:\n    server: ftp://b\n"
      "contexts:\n- name: odd\n  context: {cluster: bad}\n"
      "- name: lost\n  context: {cluster: nowhere}\n",
      "/second", faults);
  EXPECT_THAT(text_of(faults), IsEmpty());
  EXPECT_THAT(text_of(std::get<Faults>(kubeconfig.resolve({"odd", ""}))),
              HasSubstr("/second:6:13"));
  EXPECT_THAT(text_of(std::get<Faults>(kubeconfig.resolve({"lost", ""}))),
              HasSubstr("/second:10:3"));
}

TEST(Kubeconfig, A28_AContextThatIsNotThereIsNamed) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add(kTwoContexts, "/home/me/config", faults);
  const auto found = kubeconfig.resolve({"third", ""});
  ASSERT_TRUE(std::holds_alternative<Faults>(found));
  EXPECT_THAT(text_of(std::get<Faults>(found)), HasSubstr("third"));
}

class FindAccess : public ::testing::Test {
 protected:
  ClusterAccess find(const AccessChoice& choice, const Environment::Variables& variables) {
    auto found = find_access(choice, Environment(variables), folder_ / "account");
    if (const auto* wrong = std::get_if<Faults>(&found)) {
      ADD_FAILURE() << text_of(*wrong);
      return {};
    }
    return std::move(std::get<ClusterAccess>(found));
  }
  std::string faults(const AccessChoice& choice, const Environment::Variables& variables) {
    const auto found = find_access(choice, Environment(variables), folder_ / "account");
    const auto* wrong = std::get_if<Faults>(&found);
    return wrong == nullptr ? "" : text_of(*wrong);
  }

  test::TempFolder folder_;
};

// W8 too.
TEST_F(FindAccess, A24_InAPodItIsTheServiceAccount) {
  folder_.write("account/token", "t");
  folder_.write("account/ca.crt", "c");
  const ClusterAccess access = find({}, {{"KUBERNETES_SERVICE_HOST", "fd00::1"},
                                         {"KUBERNETES_SERVICE_PORT", "443"},
                                         {"KUBECONFIG", folder_ / "other"}});
  EXPECT_EQ(access.server.to_string(), "https://[fd00::1]:443");
  EXPECT_EQ(access.token_file, folder_ / "account/token");
  EXPECT_EQ(access.certificate_authority.file, folder_ / "account/ca.crt");
}

TEST_F(FindAccess, A24_APodWithoutATokenSaysHowToGetOne) {
  EXPECT_THAT(
      faults({}, {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
      HasSubstr("automountServiceAccountToken"));
}

// W8 too.
TEST_F(FindAccess, A28_TheVariableBeforeTheDefaultFile) {
  folder_.write("home/.kube/config", kTwoContexts);
  const Environment::Variables home{{"HOME", folder_ / "home"}};
  EXPECT_EQ(find({}, home).server.host, "10.0.0.1");
  folder_.write("other", "current-context: second\n");
  Environment::Variables both = home;
  both["KUBECONFIG"] =
      (folder_ / "missing") + ':' + (folder_ / "other") + ':' + (folder_ / "home/.kube/config");
  EXPECT_EQ(find({}, both).server.host, "fd00::1");
  EXPECT_EQ(find({folder_ / "home/.kube/config", "", ""}, both).server.host, "10.0.0.1");
}

TEST_F(FindAccess, A29_CredentialsAreNotSentWithoutTls) {
  folder_.write("config", kTwoContexts);
  const ClusterAccess access = find({folder_ / "config", "second", "http://10.0.0.1:8080"}, {});
  EXPECT_FALSE(access.has_credentials());
  ASSERT_THAT(access.warnings, Not(IsEmpty()));
  EXPECT_THAT(access.warnings.back(), HasSubstr("https://"));
  EXPECT_THAT(access.warnings.back(), Not(HasSubstr("secret-of-bob")));
}

TEST_F(FindAccess, WithNothingSaysWhatWasLookedFor) {
  EXPECT_THAT(faults({}, {{"HOME", "/nowhere"}}), HasSubstr("--kubeconfig"));
  EXPECT_EQ(find({"", "", "https://10.0.0.1"}, {{"HOME", "/nowhere"}}).server.host, "10.0.0.1");
}

TEST(ServerUrl, A28_APasswordInItIsNotRepeated) {
  Kubeconfig kubeconfig;
  Faults faults;
  kubeconfig.add(
      "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
      "clusters: [{name: a, cluster: {server: 'https://me:hidden@host'}}]\n"
      "users: [{name: a, user: {}}]\n",
      "/config", faults);
  const auto found = kubeconfig.resolve({});
  ASSERT_TRUE(std::holds_alternative<Faults>(found));
  EXPECT_THAT(text_of(std::get<Faults>(found)), Not(HasSubstr("hidden")));
}

std::string proxy_for(const std::string& server, const Environment::Variables& variables) {
  const auto url = std::get<ServerUrl>(parse_server_url(server, true));
  const auto proxy = proxy_of_environment(Environment(variables), url);
  if (const auto* wrong = std::get_if<UrlFault>(&proxy)) return "fault: " + wrong->text;
  const auto& found = std::get<std::optional<ProxyUrl>>(proxy);
  return found ? found->to_string() : "";
}

TEST(EnvironmentProxy, A31_IsTheOneOfTheSchemeUnlessLeftOut) {
  const Environment::Variables proxies{{"HTTPS_PROXY", "http://proxy:3128"},
                                       {"NO_PROXY", "10.0.0.0/8,.inner,exact:6443"}};
  EXPECT_EQ(proxy_for("https://1.2.3.4:6443", proxies), "http://proxy:3128");
  EXPECT_EQ(proxy_for("http://1.2.3.4:8080", proxies), "");
  EXPECT_EQ(proxy_for("https://10.1.2.3:6443", proxies), "");
  EXPECT_EQ(proxy_for("https://api.inner:6443", proxies), "");
  EXPECT_EQ(proxy_for("https://exact:6443", proxies), "");
  EXPECT_EQ(proxy_for("https://exact:443", proxies), "http://proxy:3128");
  EXPECT_EQ(proxy_for("https://127.0.0.1:6443", proxies), "");
  EXPECT_EQ(proxy_for("https://1.2.3.4", {{"HTTPS_PROXY", "http://a"}, {"NO_PROXY", "*"}}), "");
}

constexpr std::string_view kV1 = "client.authentication.k8s.io/v1";

TEST(ExecCredential, A30_ReadsTokenCertificateAndExpiry) {
  const auto read = parse_exec_credential(
      R"({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
          "status": {"token": "t", "clientCertificateData": "c", "clientKeyData": "k",
                     "expirationTimestamp": "2026-11-24T10:00:00Z"}})",
      kV1);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->token, Secret("t"));
  EXPECT_EQ(read->client_certificate, Secret("c"));
  EXPECT_EQ(read->client_key, Secret("k"));
  EXPECT_TRUE(read->expires);
}

TEST(ExecCredential, A30_WhatIsWrongIsNamedAndNotRepeated) {
  for (const std::string text :
       {"", "hidden", R"({"kind": "ExecCredential"})",
        R"({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential",
            "status": {"token": "hidden"}})",
        R"({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": {"clientCertificateData": "hidden"}})"}) {
    const auto read = parse_exec_credential(text, kV1);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ApiErrc::Credentials);
    EXPECT_THAT(read.error().text, Not(HasSubstr("hidden")));
    EXPECT_THAT(read.error().text, Not(IsEmpty()));
  }
}

TEST(ExecCredential, A30_ThePluginIsToldOfTheClusterWhereItAsksForIt) {
  ExecPlugin plugin;
  plugin.api_version = kV1;
  ClusterAccess access = resolve(kTwoContexts);
  EXPECT_THAT(exec_info(plugin, access, "authority"), Not(HasSubstr("10.0.0.1")));
  plugin.provide_cluster_info = true;
  EXPECT_THAT(exec_info(plugin, access, "authority"), HasSubstr("https://10.0.0.1:6443/base"));
}

}  // namespace
}  // namespace wherry::api
