#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace wherry::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

using Counts = std::map<std::string, int>;

class Balancing : public testing::Test {
 protected:
  /// Three pods that the Service selects and one that it does not.
  void run_three_pods(const std::vector<std::string>& arguments = {"--workers", "2"}) {
    for (const char* name : {"pod-1", "pod-2", "pod-3"}) rig_.add_pod(name);
    rig_.add_pod("other", "anotherapp");
    rig_.write_service();
    rig_.run(arguments);
  }

  Rig rig_;
};

TEST_F(Balancing, SpreadsConnectionsEvenlyOverTheSelectedPods) {
  run_three_pods();
  EXPECT_EQ(rig_.answers(30), (Counts{{"pod-1", 10}, {"pod-2", 10}, {"pod-3", 10}}));
}

TEST_F(Balancing, IsExactlyEvenOverFourWorkersAndClientsAtTheSameTime) {
  run_three_pods({"--workers", "4"});
  std::vector<std::future<Counts>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::async(std::launch::async, [this] { return rig_.answers(20); }));
  }
  Counts sum;
  for (auto& client : clients) {
    for (const auto& [name, count] : client.get()) sum[name] += count;
  }
  EXPECT_EQ(sum, (Counts{{"pod-1", 40}, {"pod-2", 40}, {"pod-3", 40}}));
}

TEST_F(Balancing, FollowsPodsThatComeAndGo) {
  run_three_pods();
  rig_.forget_pod("pod-2");
  rig_.wait_for_endpoints(2);
  EXPECT_EQ(rig_.answers(20), (Counts{{"pod-1", 10}, {"pod-3", 10}}));
  rig_.add_pod("pod-4");
  rig_.wait_for_endpoints(3);
  EXPECT_EQ(rig_.answers(30), (Counts{{"pod-1", 10}, {"pod-3", 10}, {"pod-4", 10}}));
}

TEST_F(Balancing, AnswersEveryClientAlthoughAPodIsDead) {
  run_three_pods();
  rig_.kill_pod("pod-2");
  const Counts counts = rig_.answers(30);
  EXPECT_THAT(counts, ElementsAre(Pair("pod-1", testing::Ge(10)), Pair("pod-3", testing::Ge(10))));
  EXPECT_GE(rig_.wherry().metric("wherry_tcp_retries_total"), 10);
  EXPECT_GE(rig_.wherry().sample("wherry_tcp_connect_failures_total{reason=\"refused\"}"), 10);
}

TEST_F(Balancing, RefusesAtOnceWhenEveryAttemptFailsAndCountsIt) {
  run_three_pods();
  for (const char* name : {"pod-1", "pod-2", "pod-3"}) rig_.kill_pod(name);
  EXPECT_EQ(rig_.answers(2), (Counts{{"reset", 2}}));
  EXPECT_EQ(rig_.wherry().metric("wherry_refused_total"), 2);
  EXPECT_EQ(rig_.wherry().metric("wherry_tcp_sessions_active"), 0);
}

TEST_F(Balancing, RefusesWithoutBackendsAndListensAgainWhenOneComes) {
  rig_.write_service();
  rig_.run();
  EXPECT_EQ(try_connect(rig_.service), ECONNREFUSED);
  EXPECT_EQ(service_row(rig_.wherry(), "default/my-service:")
                .at("internal")
                .as_object()
                .at("verdict")
                .as_string(),
            "reject");
  rig_.add_pod("pod-1");
  rig_.wait_for_listening();
  EXPECT_EQ(rig_.answers(3), (Counts{{"pod-1", 3}}));
  rig_.forget_pod("pod-1");
  rig_.wait_for_listening(false);
}

TEST_F(Balancing, KeepsConnectionsToAPodThatLeaves) {
  const TestListener pod({loopback_address(2), 0});
  rig_.write_pod("pod-1", pod.address());
  rig_.write_service();
  rig_.run();
  const UniqueFd client = connect_to(rig_.service);
  const UniqueFd server = pod.accept();
  rig_.forget_pod("pod-1");
  rig_.wait_for_listening(false);
  send_all(client.get(), "still there?");
  EXPECT_EQ(receive(server.get(), 12), "still there?");
  send_all(server.get(), "yes");
  shut_down_sending(server.get());
  EXPECT_EQ(receive_to_end(client.get()), "yes");
}

TEST_F(Balancing, LeavesOutPodsThatAreNotReadyTerminatingOrWithoutAddress) {
  run_three_pods();
  const std::string ip = loopback_address(99).to_string();
  rig_.folder.replace(
      "a.yaml",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: not-ready, labels: {app: myapp}}\n"
      "status:\n  podIP: " +
          ip + "\n  conditions: [{type: Ready, status: \"False\"}]\n");
  rig_.folder.replace("b.yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: no-condition, labels: {app: "
                      "myapp}}\nstatus: {podIP: " +
                          ip + "}\n");
  rig_.folder.replace("c.yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: no-address, labels: {app: "
                      "myapp}}\nstatus:\n  conditions: [{type: Ready, status: \"True\"}]\n");
  rig_.folder.replace("d.yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: leaving\n  labels: {app: "
                      "myapp}\n  deletionTimestamp: \"2026-01-01T00:00:00Z\"\nstatus:\n  podIP: " +
                          ip + "\n  conditions: [{type: Ready, status: \"True\"}]\n");
  rig_.folder.replace("e.yaml",
                      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: the-last-one}\n");
  ASSERT_TRUE(
      eventually([this] { return rig_.wherry().metric("wherry_manifest_ignored_objects") == 1; }));
  EXPECT_EQ(rig_.answers(30), (Counts{{"pod-1", 10}, {"pod-2", 10}, {"pod-3", 10}}));
}

TEST_F(Balancing, ResolvesANamedTargetPortForEachPod) {
  const TestPod one("one", {loopback_address(2), 0});
  const TestPod two("two", {loopback_address(3), 0});
  for (const TestPod* pod : {&one, &two}) {
    rig_.folder.write(pod->name() + ".yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: " + pod->name() +
                          ", labels: {app: myapp}}\nspec:\n  containers:\n  - name: main\n    "
                          "ports: [{name: web, containerPort: " +
                          std::to_string(pod->address().port) +
                          "}]\nstatus:\n  podIP: " + pod->address().ip.to_string() +
                          "\n  conditions: [{type: Ready, status: \"True\"}]\n");
  }
  rig_.folder.write("service.yaml",
                    "apiVersion: v1\nkind: Service\nmetadata: {name: my-service}\nspec:\n"
                    "  selector: {app: myapp}\n  ports: [{port: " +
                        std::to_string(rig_.service.port) + ", targetPort: web}]\n");
  rig_.run();
  EXPECT_EQ(rig_.answers(4), (Counts{{"one", 2}, {"two", 2}}));
}

TEST_F(Balancing, ServesEveryPortOfAService) {
  const TestPod web("web", {loopback_address(2), 0});
  const TestPod api("api", {loopback_address(2), 0});
  const std::uint16_t second = free_port();
  rig_.folder.write("pod.yaml", pod_manifest("pod", "myapp", loopback_address(2).to_string()));
  rig_.folder.write("service.yaml",
                    "apiVersion: v1\nkind: Service\nmetadata: {name: two}\nspec:\n  selector: "
                    "{app: myapp}\n  ports:\n  - {name: web, port: " +
                        std::to_string(rig_.service.port) +
                        ", targetPort: " + std::to_string(web.address().port) +
                        "}\n  - {name: api, port: " + std::to_string(second) +
                        ", targetPort: " + std::to_string(api.address().port) + "}\n");
  rig_.run();
  EXPECT_EQ(ask(rig_.service), "web");
  EXPECT_EQ(ask({rig_.service.ip, second}), "api");
}

TEST_F(Balancing, UsesTheSlicesThatAServiceHasInsteadOfItsSelector) {
  run_three_pods();
  const TestPod pod("from-a-slice", {loopback_address(50), 0});
  rig_.folder.replace("slice.yaml",
                      "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: "
                      "my-service-1\n  labels: {kubernetes.io/service-name: my-service}\n"
                      "addressType: IPv4\nports: [{port: " +
                          std::to_string(pod.address().port) + "}]\nendpoints:\n- addresses: [" +
                          pod.address().ip.to_string() + "]\n");
  rig_.wait_for_endpoints(1);
  EXPECT_EQ(rig_.answers(3), (Counts{{"from-a-slice", 3}}));
  rig_.folder.remove("slice.yaml");
  rig_.wait_for_endpoints(3);
}

TEST_F(Balancing, CarriesIPv6) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const TestPod pod("six", {IpAddress::loopback(IpFamily::IPv6), 0});
  rig_.folder.write("all.yaml", pod_manifest("six", "myapp", "\"::1\"") + "---\n" +
                                    service_manifest("my-service", "myapp", rig_.service.port,
                                                     pod.address().port) +
                                    "  ipFamilies: [IPv6]\n");
  rig_.run({"--listen-address", "::1"});
  const SocketAddress service{IpAddress::loopback(IpFamily::IPv6), rig_.service.port};
  EXPECT_EQ(ask(service), "six");
  const auto row = service_row(rig_.wherry(), "default/my-service:");
  EXPECT_EQ(row.at("family").as_string(), "IPv6");
  EXPECT_EQ(row.at("listen").as_array().at(0).as_string(), service.to_string());
}

}  // namespace
}  // namespace wherry::test
