#include "tests/integration/rig.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::test {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class Get : public testing::Test {
 protected:
  void run_two_pods() {
    rig_.add_pod("pod-1");
    rig_.add_pod("pod-2");
    rig_.write_service();
    rig_.folder.write("other.yaml",
                      "apiVersion: v1\nkind: Service\nmetadata: {name: empty, namespace: other}\n"
                      "spec: {ports: [{port: " +
                          std::to_string(free_port()) + "}]}\n");
    rig_.run();
  }
  [[nodiscard]] ProcessResult get(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "get");
    arguments.insert(arguments.end(), {"--admin-address", rig_.wherry().admin().to_string()});
    return wherry(arguments);
  }
  [[nodiscard]] std::string folder() const { return rig_.folder.path().string(); }

  Rig rig_;
};

TEST_F(Get, ServicesHaveEveryFieldThatToolsRead) {
  run_two_pods();
  const auto result = get({"services", "my-service", "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json::array rows = json::parse(result.out).as_array();
  ASSERT_EQ(rows.size(), 1u);
  const std::string port = std::to_string(rig_.target_port);
  const json::value expected = {
      {"namespace", "default"},
      {"service", "my-service"},
      {"port", ""},
      {"protocol", "TCP"},
      {"family", "IPv4"},
      {"clusterIP", ""},
      {"servicePort", rig_.service.port},
      {"nodePort", 0},
      {"externalIPs", json::array()},
      {"loadBalancerIPs", json::array()},
      {"sourceRanges", json::array()},
      {"internalTrafficPolicy", "Cluster"},
      {"externalTrafficPolicy", "Cluster"},
      {"healthCheckNodePort", 0},
      {"balance", "round-robin"},
      {"sessionAffinity", "None"},
      {"sessionAffinityTimeoutSeconds", nullptr},
      {"listen", json::array{json::value(rig_.service.to_string())}},
      {"internal",
       {{"verdict", "forward"},
        {"reason", rows[0].at("internal").at("reason")},
        {"backends", json::array{json::value(loopback_address(2).to_string() + ":" + port),
                                 json::value(loopback_address(3).to_string() + ":" + port)}}}},
      {"external", nullptr},
      {"externalFromNode", nullptr},
      {"excluded", json::array()}};
  EXPECT_EQ(rows[0], expected) << rows[0];
}

TEST_F(Get, AProcessAndItsManifestsAloneSayTheSame) {
  run_two_pods();
  for (const char* what : {"services", "endpoints"}) {
    const auto live = get({what, "-o", "json"});
    const auto alone = wherry({"get", what, "-o", "json", "--manifests", folder()});
    EXPECT_EQ(live.exit_code, 0);
    EXPECT_EQ(alone.exit_code, 0);
    EXPECT_EQ(json::parse(live.out), json::parse(alone.out)) << what;
  }
}

TEST_F(Get, AServiceWithoutEndpointsOrSessionsIsThere) {
  run_two_pods();
  for (const char* what : {"services", "endpoints", "sessions"}) {
    EXPECT_EQ(get({what, "empty", "-n", "other"}).exit_code, 0) << what;
    EXPECT_EQ(get({what, "absent"}).exit_code, 1) << what;
    EXPECT_EQ(get({what, "empty", "-n", "default"}).exit_code, 1) << what;
  }
  EXPECT_EQ(wherry({"get", "endpoints", "empty", "--manifests", folder()}).exit_code, 0);
  EXPECT_EQ(wherry({"get", "endpoints", "absent", "--manifests", folder()}).exit_code, 1);
}

TEST_F(Get, AFullDiskIsNoSuccess) {
  run_two_pods();
  const auto result = run_program({"sh", "-c",
                                   wherry_binary() + " get services --admin-address " +
                                       rig_.wherry().admin().to_string() + " > /dev/full"});
  EXPECT_EQ(result.exit_code, 74);
  EXPECT_THAT(result.err, HasSubstr("can't be written"));
}

TEST_F(Get, EndpointsNameTheirPods) {
  run_two_pods();
  const json::array rows = json::parse(get({"endpoints", "-o", "json"}).out).as_array();
  ASSERT_EQ(rows.size(), 2u);
  const json::value expected = {{"namespace", "default"},
                                {"service", "my-service"},
                                {"port", ""},
                                {"protocol", "TCP"},
                                {"address", loopback_address(3).to_string()},
                                {"targetPort", rig_.target_port},
                                {"pod", "pod-2"},
                                {"node", ""},
                                {"ready", true},
                                {"serving", true},
                                {"terminating", false},
                                {"weight", 100},
                                {"sessions", 0}};
  EXPECT_EQ(rows[1], expected) << rows[1];
}

TEST_F(Get, SessionsSayWhoTalksToWhom) {
  const TestListener pod({loopback_address(2), 0});
  rig_.write_pod("pod", pod.address());
  rig_.write_service();
  rig_.run();
  const UniqueFd client = connect_to(rig_.service);
  const UniqueFd server = pod.accept();
  send_all(client.get(), "12345");
  EXPECT_EQ(receive(server.get(), 5), "12345");
  send_all(server.get(), "123");
  EXPECT_EQ(receive(client.get(), 3), "123");
  const auto result = get({"sessions", "-o", "json"});
  const json::array rows = json::parse(result.out).as_array();
  ASSERT_EQ(rows.size(), 1u) << result.out;
  EXPECT_EQ(rows[0].at("service").as_string(), "default/my-service");
  EXPECT_TRUE(rows[0].at("client").as_string().starts_with("127.0.0.1:"));
  EXPECT_EQ(rows[0].at("backend").as_string(), pod.address().to_string());
  EXPECT_EQ(rows[0].at("bytesIn").as_int64(), 5);
  EXPECT_EQ(rows[0].at("bytesOut").as_int64(), 3);
  EXPECT_TRUE(rows[0].at("since").as_string().ends_with("Z"));
  EXPECT_EQ(json::parse(get({"endpoints", "-o", "json"}).out).at(0).at("sessions"), 1);
}

TEST_F(Get, ShowsAllNamespacesUnlessOneIsNamed) {
  run_two_pods();
  EXPECT_THAT(get({"services"}).out, testing::AllOf(HasSubstr("my-service"), HasSubstr("empty")));
  const auto one = get({"services", "-n", "other"});
  EXPECT_THAT(one.out, HasSubstr("empty"));
  EXPECT_THAT(one.out, testing::Not(HasSubstr("my-service")));
}

TEST_F(Get, ANameThatIsNotThereEndsWithExitCode1) {
  run_two_pods();
  EXPECT_EQ(get({"services", "nobody"}).exit_code, 1);
  EXPECT_EQ(get({"services", "my-service", "-n", "other"}).exit_code, 1);
  const auto alone = wherry({"get", "services", "nobody", "--manifests", folder()});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_THAT(alone.err, HasSubstr("nobody"));
}

TEST_F(Get, WritesTableWideAndYaml) {
  run_two_pods();
  EXPECT_THAT(get({"services"}).out, HasSubstr("NAMESPACE"));
  EXPECT_THAT(get({"services", "-o", "wide"}).out, HasSubstr("NAMESPACE"));
  EXPECT_GT(get({"services", "-o", "wide"}).out.size(), get({"services"}).out.size());
  EXPECT_THAT(get({"endpoints", "-o", "yaml"}).out, HasSubstr("targetPort: "));
}

TEST_F(Get, WithoutAProcessEndsWithExitCode69) {
  const auto result =
      wherry({"get", "services", "--admin-address", "127.0.0.1:" + std::to_string(free_port())});
  EXPECT_EQ(result.exit_code, 69);
  EXPECT_THAT(result.err, HasSubstr("--admin-address"));
}

TEST_F(Get, BrokenManifestsAreNamedAndTheRestIsShown) {
  rig_.write_service();
  rig_.folder.write("broken.yaml", "kind: [\n");
  const auto result = wherry({"get", "services", "--manifests", folder()});
  EXPECT_EQ(result.exit_code, 64);
  EXPECT_THAT(result.err, HasSubstr("broken.yaml:"));
  EXPECT_THAT(result.out, HasSubstr("my-service"));
}

TEST_F(Get, AServiceWithoutBackendsIsThereAndRejects) {
  run_two_pods();
  const json::object row = service_row(rig_.wherry(), "other/empty:");
  EXPECT_EQ(row.at("internal").at("verdict").as_string(), "reject");
  EXPECT_TRUE(row.at("internal").at("backends").as_array().empty());
}

TEST_F(Get, ExcludedEndpointsSayWhy) {
  run_two_pods();
  const std::string ip = loopback_address(60).to_string();
  rig_.folder.replace("z.yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: z, labels: {app: "
                      "myapp}}\nstatus: {podIP: " +
                          ip + "}\n");
  rig_.wait_for_endpoints(3);
  const json::array excluded =
      service_row(rig_.wherry(), "default/my-service:").at("excluded").as_array();
  ASSERT_EQ(excluded.size(), 1u);
  EXPECT_EQ(excluded[0].at("backend").as_string(), ip + ":" + std::to_string(rig_.target_port));
  EXPECT_FALSE(excluded[0].at("reason").as_string().empty());
}

TEST_F(Get, HeadlessAndExternalNameServicesAreAbsent) {
  run_two_pods();
  rig_.folder.replace(
      "s.yaml",
      "apiVersion: v1\nkind: Service\nmetadata: {name: headless}\nspec: {clusterIP: "
      "None, ports: [{port: 80}]}\n---\napiVersion: v1\nkind: Service\nmetadata: "
      "{name: elsewhere}\nspec: {type: ExternalName, externalName: example.com}\n");
  ASSERT_TRUE(eventually([this] {
    return rig_.wherry().sample("wherry_manifest_objects{kind=\"Service\"}") == 4;
  })) << rig_.wherry().get("/metrics");
  EXPECT_EQ(rows(rig_.wherry(), "/table").size(), 2u);
}

}  // namespace
}  // namespace wherry::test
