#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>

namespace wherry::test {
namespace {

using testing::HasSubstr;

std::string listen_of(const WherryProcess& wherry, const std::string& service) {
  std::string all;
  const auto row = service_row(wherry, service);
  for (const auto& each : row.at("listen").as_array()) {
    all += (all.empty() ? "" : " ") + std::string(each.as_string());
  }
  return all;
}

class Listening : public testing::Test {
 protected:
  void SetUp() override {
    pod_ = &rig_.add_pod("pod");
    rig_.target_port = pod_->address().port;
  }
  void write_service(const std::string& name, const std::string& metadata = "") {
    rig_.folder.replace(name + ".yaml", minimal_service(name, rig_.service.port, metadata) +
                                            "    targetPort: " + std::to_string(rig_.target_port) +
                                            "\n");
  }

  Rig rig_;
  TestPod* pod_ = nullptr;
};

TEST_F(Listening, ServesEachServiceAtItsClusterIpWhereThatIsAnAddressOfThisMachine) {
  const std::string address = loopback_address(70).to_string();
  rig_.folder.replace("a.yaml", minimal_service("local", rig_.service.port) +
                                    "    targetPort: " + std::to_string(rig_.target_port) +
                                    "\n  clusterIP: " + address + "\n");
  rig_.run();
  EXPECT_EQ(ask({loopback_address(70), rig_.service.port}), "pod");
  EXPECT_EQ(try_connect(rig_.service), ECONNREFUSED);
}

TEST_F(Listening, GivesTheOlderServiceTheAddressAndTheOtherWhenItComesFree) {
  write_service("older", "  creationTimestamp: \"2026-01-01T00:00:00Z\"\n");
  write_service("newer", "  creationTimestamp: \"2026-01-02T00:00:00Z\"\n");
  WherryProcess& wherry = rig_.run();
  EXPECT_EQ(listen_of(wherry, "default/older:"), rig_.service.to_string());
  EXPECT_EQ(listen_of(wherry, "default/newer:"), "");
  EXPECT_EQ(
      service_row(wherry, "default/newer:").at("internal").as_object().at("verdict").as_string(),
      "forward");
  for (const char* words :
       {"default/newer", "default/older", "wherry.io/listen-address", "--listen-pool"}) {
    EXPECT_THAT(wherry.log(), HasSubstr(words));
    EXPECT_THAT(wherry.get("/readyz?verbose"), HasSubstr(words));
  }
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  EXPECT_EQ(wherry.metric("wherry_listen_conflicts"), 1);

  rig_.folder.remove("older.yaml");
  EXPECT_TRUE(
      eventually([&] { return listen_of(wherry, "default/newer:") == rig_.service.to_string(); }));
  rig_.wait_for_listening();
  EXPECT_EQ(ask(rig_.service), "pod");
}

TEST_F(Listening, AServiceThatComesLaterAndIsOlderTakesTheAddress) {
  write_service("newer", "  creationTimestamp: \"2026-01-02T00:00:00Z\"\n");
  WherryProcess& wherry = rig_.run();
  const UniqueFd kept = connect_to(rig_.service);
  write_service("older", "  creationTimestamp: \"2026-01-01T00:00:00Z\"\n");
  EXPECT_TRUE(eventually([&] { return listen_of(wherry, "default/newer:").empty(); }));
  EXPECT_EQ(receive_to_end(kept.get()), "pod");
  EXPECT_EQ(ask(rig_.service), "pod");
  EXPECT_TRUE(eventually(
      [&] { return wherry.sample("wherry_tcp_sessions_total{service=\"default/older\"}") == 1; }));
}

TEST_F(Listening, AnAddressThatChangesHandsRefusesNobody) {
  write_service("web");
  WherryProcess& wherry = rig_.run();
  std::atomic<bool> stop{false};
  std::map<std::string, int> answers;
  std::thread clients([&] {
    while (!stop) ++answers[ask(rig_.service)];
  });
  for (int i = 0; i < 40; ++i) {
    // One file, so that both changes are one table.
    rig_.folder.replace("web.yaml", minimal_service(i % 2 == 0 ? "api" : "web", rig_.service.port) +
                                        "    targetPort: " + std::to_string(rig_.target_port) +
                                        "\n");
    EXPECT_TRUE(eventually([&] { return wherry.metric("wherry_table_generation") >= i + 2; }));
  }
  stop = true;
  clients.join();
  EXPECT_THAT(answers, testing::ElementsAre(testing::Pair("pod", testing::Gt(40))));
}

TEST_F(Listening, TheOlderServiceHasThePortWhetherItListensOnTheWildcardOrNot) {
  write_service("older",
                "  creationTimestamp: \"2026-01-01T00:00:00Z\"\n"
                "  annotations: {wherry.io/listen-address: 127.0.0.1}\n");
  write_service("newer",
                "  creationTimestamp: \"2026-01-02T00:00:00Z\"\n"
                "  annotations: {wherry.io/listen-address: 0.0.0.0}\n");
  WherryProcess& wherry = rig_.run();
  EXPECT_EQ(listen_of(wherry, "default/older:"), rig_.service.to_string());
  EXPECT_EQ(listen_of(wherry, "default/newer:"), "");
  EXPECT_EQ(wherry.metric("wherry_listen_conflicts"), 1);
  EXPECT_EQ(wherry.metric("wherry_busy_ports"), 0);
  const auto check = test::wherry({"check", "--manifests", rig_.folder.path().string()});
  EXPECT_THAT(check.err, HasSubstr("default/newer"));

  rig_.folder.remove("older.yaml");
  EXPECT_TRUE(eventually([&] {
    return listen_of(wherry, "default/newer:") == "0.0.0.0:" + std::to_string(rig_.service.port);
  }));
  EXPECT_TRUE(eventually([&] { return ask(rig_.service) == "pod"; }));
}

TEST_F(Listening, GivesEachServiceAnAddressOfThePool) {
  const std::string base = loopback_address(0).to_string();
  write_service("first");
  write_service("second");
  WherryProcess& wherry = rig_.run({"--listen-pool", base + "/24"});
  const std::string first = listen_of(wherry, "default/first:");
  const std::string second = listen_of(wherry, "default/second:");
  EXPECT_NE(first, second);
  EXPECT_EQ(ask(*SocketAddress::parse(first)), "pod");
  EXPECT_EQ(ask(*SocketAddress::parse(second)), "pod");
}

TEST_F(Listening, PrintsAHostsFileForThePool) {
  write_service("first");
  WherryProcess& wherry = rig_.run({"--listen-pool", loopback_address(0).to_string() + "/24"});
  const auto result = test::wherry(
      {"get", "services", "-o", "hosts", "--admin-address", wherry.admin().to_string()});
  EXPECT_EQ(result.exit_code, 0);
  const std::string ip = SocketAddress::parse(listen_of(wherry, "default/first:"))->ip.to_string();
  EXPECT_THAT(result.out, testing::MatchesRegex(ip + "[ \t]+first[ \t]+first.default[ \t]+"
                                                     "first.default.svc.cluster.local\n"));
}

TEST_F(Listening, TheAnnotationSaysWhereToListen) {
  const std::string address = loopback_address(71).to_string();
  write_service("placed", "  annotations: {wherry.io/listen-address: " + address + "}\n");
  rig_.run();
  EXPECT_EQ(ask({loopback_address(71), rig_.service.port}), "pod");
  EXPECT_EQ(try_connect(rig_.service), ECONNREFUSED);
}

TEST_F(Listening, ReportsAnAnnotationThatIsNoAddressAndServesTheRest) {
  write_service("placed", "  annotations: {wherry.io/listen-address: nowhere}\n");
  WherryProcess& wherry = rig_.run();
  EXPECT_THAT(wherry.log(), HasSubstr("wherry.io/listen-address"));
  EXPECT_THAT(wherry.log(), HasSubstr("nowhere"));
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
}

TEST_F(Listening, TheOffsetIsAddedToServicePortsAndNotToTheAdminPort) {
  rig_.folder.replace("web.yaml", minimal_service("web", 80) +
                                      "    targetPort: " + std::to_string(rig_.target_port) + "\n");
  WherryProcess& wherry =
      rig_.run({"--port-offset", std::to_string(rig_.service.port - 80)});  // --admin-address holds
  EXPECT_EQ(listen_of(wherry, "default/web:"), rig_.service.to_string());
  EXPECT_EQ(service_row(wherry, "default/web:").at("servicePort").as_int64(), 80);
  EXPECT_EQ(ask(rig_.service), "pod");
}

TEST_F(Listening, APortThatTheOffsetTakesPastTheLastOneIsReported) {
  rig_.folder.replace("high.yaml", minimal_service("high", 65000));
  WherryProcess& wherry = rig_.run({"--port-offset", "1000"});
  EXPECT_EQ(listen_of(wherry, "default/high:"), "");
  EXPECT_THAT(wherry.log(), HasSubstr("past 65535"));
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  const auto check =
      test::wherry({"check", "--manifests", rig_.folder.path().string(), "--port-offset", "1000"});
  EXPECT_EQ(check.exit_code, 64);
  EXPECT_THAT(check.err, HasSubstr("high.yaml: service port default/high/TCP/IPv4: port 65000"));
  EXPECT_THAT(check.err, HasSubstr("past 65535"));
}

TEST_F(Listening, ReportsABusyPortAndOpensItWhenItIsFree) {
  TestListener other(rig_.service);
  write_service("web");
  WherryProcess& wherry = rig_.run();
  EXPECT_EQ(wherry.metric("wherry_busy_ports"), 1);
  EXPECT_EQ(listen_of(wherry, "default/web:"), "");
  EXPECT_THAT(wherry.log(), HasSubstr("another process listens there"));
  EXPECT_THAT(wherry.get("/readyz?verbose"), HasSubstr(rig_.service.to_string()));
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  other.close();
  EXPECT_TRUE(eventually([&] { return wherry.metric("wherry_busy_ports") == 0; }));
  EXPECT_EQ(ask(rig_.service), "pod");
}

TEST_F(Listening, TheWildcardServesEveryAddress) {
  write_service("web");
  WherryProcess& wherry = rig_.run({"--listen-address", "0.0.0.0"});
  EXPECT_EQ(listen_of(wherry, "default/web:"), "0.0.0.0:" + std::to_string(rig_.service.port));
  EXPECT_EQ(ask({loopback_address(80), rig_.service.port}), "pod");
}

}  // namespace
}  // namespace wherry::test
