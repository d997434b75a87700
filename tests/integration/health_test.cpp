// What load balancers, kubelets and dashboards see of a running wherry: rows H, M of the Service
// contract.
#include "proxy/admin/http_get.h"
#include "tests/integration/rig.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace wherry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

SocketAddress loopback(std::uint16_t port) { return {IpAddress::loopback(IpFamily::IPv4), port}; }

/// 0 where nobody answers.
int status_of(const SocketAddress& address, const std::string& path) {
  const auto answer = admin::http_get(address, path, 5s);
  return answer ? answer->status : 0;
}

std::vector<std::string> keys_of(const boost::json::object& object) {
  std::vector<std::string> keys;
  for (const auto& each : object) keys.emplace_back(each.key());
  return keys;
}

TEST(Health, H1_HealthzSaysThatTheProxyKeepsUp) {
  Rig rig;
  const SocketAddress health = loopback(free_port());
  rig.write_service();
  rig.run({"--healthz-bind-address", health.to_string()});

  const admin::HttpAnswer answer = admin::http_get(health, "/healthz", 5s).value();

  EXPECT_EQ(answer.status, 200);
  const boost::json::object page = boost::json::parse(answer.body).as_object();
  EXPECT_THAT(keys_of(page),
              ElementsAre("lastUpdated", "currentTime", "nodeEligible", "healthy", "status"));
  EXPECT_EQ(page.at("lastUpdated"), page.at("currentTime"));
  EXPECT_EQ(page.at("nodeEligible"), true);
  EXPECT_EQ(page.at("healthy"), true);
  EXPECT_EQ(page.at("status").at("IPv4").at("healthy"), true);
}

TEST(Health, H2_LivezSaysNothingOfTheNode) {
  Rig rig;
  const SocketAddress health = loopback(free_port());
  rig.run({"--healthz-bind-address", health.to_string()});

  const admin::HttpAnswer answer = admin::http_get(health, "/livez", 5s).value();

  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(keys_of(boost::json::parse(answer.body).as_object()),
              ElementsAre("lastUpdated", "currentTime", "healthy", "status"));
}

TEST(Health, H1_WhileItDrainsTheNodeGetsNoNewConnections) {
  Rig rig;
  const SocketAddress health = loopback(free_port());
  rig.add_pod("pod-1");
  rig.write_service();
  WherryProcess& wherry = rig.run({"--healthz-bind-address", health.to_string()});
  rig.wait_for_endpoints(1);
  const UniqueFd session = connect_to(rig.service);
  ASSERT_TRUE(eventually([&] { return wherry.metric("wherry_tcp_sessions_active") == 1; }));

  wherry.signal(SIGTERM);

  EXPECT_TRUE(eventually([&] { return status_of(health, "/healthz") == 503; }));
  EXPECT_EQ(status_of(health, "/livez"), 200);
}

std::string local_service(std::uint16_t port, std::uint16_t health_check_node_port,
                          const std::string& policy = "Local") {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec:\n  type: LoadBalancer\n"
         "  externalTrafficPolicy: " +
         policy + "\n" +
         (policy == "Local"
              ? "  healthCheckNodePort: " + std::to_string(health_check_node_port) + "\n"
              : std::string()) +
         "  ports: [{name: http, port: " + std::to_string(port) + "}]\n";
}

std::string slice_of_shop(const std::string& node, const std::string& conditions) {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
         "metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}\n"
         "addressType: IPv4\nports: [{name: http, port: 8080}]\n"
         "endpoints: [{addresses: [127.9.9.9], nodeName: " +
         node + ", conditions: " + conditions + "}]\n";
}

TEST(Health, H3_AHealthCheckNodePortSaysWhetherTheNodeHasAnEndpoint) {
  Rig rig;
  const SocketAddress check = loopback(free_port());
  const std::uint16_t port = free_port();
  rig.folder.write("shop.yaml", local_service(port, check.port));
  rig.folder.write("slice.yaml", slice_of_shop("node-2", "{ready: true}"));
  rig.run({"--node-name", "node-1"});
  EXPECT_TRUE(eventually([&] { return status_of(check, "/") == 503; }));

  rig.folder.write("slice.yaml", slice_of_shop("node-1", "{ready: true}"));
  EXPECT_TRUE(eventually([&] { return status_of(check, "/any/path") == 200; }));
  EXPECT_EQ(admin::http_get(check, "/", 5s).value().body,
            "{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": \"shop\"\n\t},\n"
            "\t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": true\n}");

  // Who only terminates still serves, but should get no new clients.
  rig.folder.write("slice.yaml",
                   slice_of_shop("node-1", "{ready: false, serving: true, terminating: true}"));
  EXPECT_TRUE(eventually([&] { return status_of(check, "/") == 503; }));

  rig.folder.write("shop.yaml", local_service(port, check.port, "Cluster"));
  EXPECT_TRUE(eventually([&] { return status_of(check, "/") == 0; }));
}

TEST(Health, H3_AHealthCheckNodePortListensOnTheAddressesThatAreNamed) {
  Rig rig;
  const SocketAddress check = loopback(free_port());
  const SocketAddress other{*IpAddress::parse("127.0.0.2"), check.port};
  rig.folder.write("shop.yaml", local_service(free_port(), check.port));
  rig.run({"--nodeport-addresses", "127.0.0.0/8"});

  EXPECT_TRUE(eventually([&] { return status_of(check, "/") == 503; }));
  EXPECT_EQ(status_of(other, "/"), 0) << "no interface has it";
}

TEST(Health, H3_ABusyHealthCheckNodePortIsSaidAndTriedAgain) {
  Rig rig;
  std::optional<TestListener> taken(std::in_place,
                                    SocketAddress{IpAddress::any(IpFamily::IPv4), free_port()});
  const SocketAddress check = loopback(taken->address().port);
  rig.folder.write("shop.yaml", local_service(free_port(), check.port));
  WherryProcess& wherry = rig.run();
  EXPECT_TRUE(eventually([&] {
    return wherry.get("/readyz?verbose").find("failed to start healthcheck \"default/shop\"") !=
           std::string::npos;
  }));
  EXPECT_THAT(wherry.log(), HasSubstr("a health check port can't be opened"));

  taken.reset();

  EXPECT_TRUE(eventually([&] { return status_of(check, "/") == 503; }));
  EXPECT_THAT(wherry.get("/readyz?verbose"), Not(HasSubstr("failed to start healthcheck")));
}

TEST(Health, H5_ABusyHealthPortIsTriedAgain) {
  Rig rig;
  std::optional<TestListener> taken(std::in_place);
  const SocketAddress health = taken->address();
  WherryProcess& wherry = rig.run({"--healthz-bind-address", health.to_string()});
  EXPECT_THAT(wherry.log(), HasSubstr("a port of this process can't be opened"));

  taken.reset();

  EXPECT_TRUE(eventually([&] { return status_of(health, "/livez") == 200; }));
}

TEST(Health, H5_OrEndsTheProcessWhereSomebodyAskedForThat) {
  const TestListener taken;
  TempFolder folder;
  const std::string manifests = folder.path().string();

  const ProcessResult result = test::wherry(
      {"run", "--manifests", manifests, "--admin-address", "127.0.0.1:0", "--healthz-bind-address",
       taken.address().to_string(), "--bind-address-hard-fail"});

  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr("--healthz-bind-address"));
}

TEST(Health, H4_TheAdminAddressHasThePagesOfKubeProxy) {
  Rig rig;
  WherryProcess& wherry = rig.run();

  EXPECT_EQ(wherry.get("/healthz"), "ok");
  EXPECT_EQ(wherry.get("/proxyMode"), "bind");
  EXPECT_EQ(boost::json::parse(wherry.get("/configz")).at("wherry.io").at("kind"), "Configuration");
  EXPECT_THAT(wherry.get("/flagz"), HasSubstr("\nadmin-address=" + wherry.admin().to_string()));
  EXPECT_THAT(wherry.get("/statusz"), HasSubstr("\nStarted: 2"));
  EXPECT_THAT(wherry.get("/metrics/slis"), HasSubstr("kubernetes_healthcheck{"));
}

TEST(Health, H4_WithProfilingTheLogLevelIsChangedWhileItRuns) {
  Rig rig;
  rig.write_service();
  WherryProcess& wherry = rig.run({"--profiling"});
  ASSERT_THAT(wherry.log(), Not(HasSubstr(" debug ")));

  const UniqueFd client = connect_to(wherry.admin());
  send_all(client.get(),
           "PUT /debug/flags/v HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
           "Content-Length: 1\r\n\r\n5");
  EXPECT_THAT(receive_to_end(client.get()), testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(wherry.get("/flagz"), HasSubstr("\nlog-level=debug\n"));
  rig.add_pod("pod-1");
  rig.wait_for_endpoints(1);

  EXPECT_THAT(wherry.log(), HasSubstr(" debug "));
}

TEST(Health, M1_M2_M3_M4_M5_M6_M7_M12_TheMetricsOfDashboardsAreThere) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  const SocketAddress health = loopback(free_port());
  WherryProcess& wherry = rig.run({"--healthz-bind-address", health.to_string()});
  rig.wait_for_endpoints(1);
  (void)status_of(health, "/healthz");

  const std::string metrics = wherry.get("/metrics");

  for (const char* line :
       {"kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.001\"}",
        "kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"16.384\"}",
        "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.25\"}",
        "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"59\"}",
        "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"300\"}",
        "kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1",
        "kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"}",
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"}",
        "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"}",
        "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0",
        "kubeproxy_sync_proxy_rules_endpoint_changes_total",
        "kubeproxy_sync_proxy_rules_service_changes_pending 0",
        "kubeproxy_sync_proxy_rules_service_changes_total",
        "kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"internal\","
        "ip_family=\"IPv4\"} 0",
        "kubeproxy_proxy_healthz_total{code=\"200\"} 1",
        "kubeproxy_proxy_livez_total{code=\"200\"}",
        "wherry_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.0001\"}",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_threads",
        "kubernetes_build_info{major="}) {
    EXPECT_THAT(metrics, HasSubstr(std::string("\n") + line));
  }
  EXPECT_GT(wherry.sample("kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"}"),
            1.7e9);
}

// Names of kube-proxy's own mechanisms, which wherry does not have: they are for nothing else.
TEST(Health, M9_NamesOfMechanismsThatAreNotHereAreNotUsed) {
  Rig rig;

  EXPECT_THAT(
      rig.run().get("/metrics"),
      testing::AllOf(Not(HasSubstr("kubeproxy_iptables_")), Not(HasSubstr("kubeproxy_nftables_")),
                     Not(HasSubstr("sync_proxy_rules_iptables_")),
                     Not(HasSubstr("sync_proxy_rules_nftables_")),
                     Not(HasSubstr("kubeproxy_conntrack_"))));
}

}  // namespace
}  // namespace wherry::test
