#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace wherry::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Manifests : public testing::Test {
 protected:
  void run_one_pod() {
    rig_.add_pod("pod-1");
    rig_.write_service();
    rig_.run();
  }
  /// Waits until so many files are broken, and all of it is known.
  void wait_for_broken(int count) {
    // With ThreadSanitizer the largest ones take half a minute.
    const auto are_known = [&] { return rig_.wherry().metric("wherry_manifest_errors") == count; };
    ASSERT_TRUE(eventually(are_known, std::chrono::minutes(2))) << rig_.wherry().log();
  }

  Rig rig_;
};

TEST_F(Manifests, ABrokenOneAtTheFirstStartIsNamedAndTheRestServes) {
  rig_.folder.write("broken.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: \"half\n");
  run_one_pod();
  WherryProcess& wherry = rig_.wherry();
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  EXPECT_THAT(wherry.get("/readyz"), HasSubstr("broken.yaml:"));
  EXPECT_THAT(wherry.get("/readyz?verbose"), HasSubstr("[-]manifests"));
  EXPECT_THAT(wherry.log(), testing::ContainsRegex("broken\\.yaml:[0-9]+:[0-9]+"));
  EXPECT_EQ(wherry.metric("wherry_manifest_errors"), 1);
  EXPECT_EQ(ask(rig_.service), "pod-1");
}

TEST_F(Manifests, NothingButABrokenOneIsReadyToo) {
  rig_.folder.write("broken.yaml", "kind: [\n");
  EXPECT_EQ(rig_.run().status_of("/readyz"), 200);
}

TEST_F(Manifests, AnEmptyFolderIsReady) { EXPECT_EQ(rig_.run().status_of("/readyz"), 200); }

TEST_F(Manifests, ABrokenOneLeavesItsLastGoodContentInForce) {
  run_one_pod();
  rig_.folder.replace("pod-1.yaml",
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: pod-1}\nstatus: 7\n");
  wait_for_broken(1);
  EXPECT_EQ(ask(rig_.service), "pod-1");
  EXPECT_THAT(rig_.wherry().log(), HasSubstr("pod-1.yaml:4:9: Pod default/pod-1: status: "));
  EXPECT_THAT(rig_.wherry().get("/readyz?verbose"),
              HasSubstr("pod-1.yaml:4:9: Pod default/pod-1: status: "));
  rig_.folder.replace("pod-1.yaml",
                      pod_manifest("pod-1", "myapp", loopback_address(2).to_string()));
  wait_for_broken(0);
  EXPECT_THAT(rig_.wherry().get("/readyz?verbose"), HasSubstr("[+]manifests ok"));
}

TEST_F(Manifests, AreFollowedWhenWrittenInPlace) {
  run_one_pod();
  rig_.add_pod("pod-2");
  rig_.wait_for_endpoints(2);
  rig_.folder.write("pod-2.yaml",
                    pod_manifest("pod-2", "another", loopback_address(3).to_string()));
  rig_.wait_for_endpoints(1);
}

TEST_F(Manifests, AreFollowedThroughASwappedFolderLinkAsConfigMapMountsDoIt) {
  const TestPod pod("pod", {loopback_address(2), 0});
  rig_.target_port = pod.address().port;
  const auto version = [&](const std::string& name, const std::string& app) {
    rig_.folder.write("mount/" + name + "/pod.yaml",
                      pod_manifest("pod", app, loopback_address(2).to_string()));
    rig_.folder.write("mount/" + name + "/service.yaml",
                      service_manifest("my-service", "myapp", rig_.service.port, rig_.target_port));
  };
  const fs::path mount = rig_.folder.path() / "mount";
  version("..v1", "myapp");
  fs::create_symlink("..v1", mount / "..data");
  fs::create_symlink("..data/pod.yaml", mount / "pod.yaml");
  fs::create_symlink("..data/service.yaml", mount / "service.yaml");
  rig_.run({"--manifests", mount.string()});
  EXPECT_EQ(ask(rig_.service), "pod");

  version("..v2", "another");
  fs::create_symlink("..v2", mount / "..data_tmp");
  fs::rename(mount / "..data_tmp", mount / "..data");
  fs::remove_all(mount / "..v1");
  rig_.wait_for_endpoints(0);
}

TEST_F(Manifests, AreFollowedWhenTheFolderIsRemovedAndComesBack) {
  const TestPod pod("pod", {loopback_address(2), 0});
  rig_.target_port = pod.address().port;
  const auto fill = [&] {
    rig_.folder.write(
        "inner/all.yaml",
        pod_manifest("pod", "myapp", loopback_address(2).to_string()) + "---\n" +
            service_manifest("my-service", "myapp", rig_.service.port, rig_.target_port));
  };
  fill();
  rig_.run({"--manifests", rig_.folder / "inner"});
  rig_.wait_for_endpoints(1);
  rig_.folder.remove("inner");
  rig_.wait_for_endpoints(0);
  fill();
  rig_.wait_for_endpoints(1);
  EXPECT_EQ(ask(rig_.service), "pod");
}

TEST_F(Manifests, OtherKindsAreCountedAndIgnored) {
  rig_.folder.write("deployment.yaml",
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n"
                    "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n");
  run_one_pod();
  EXPECT_EQ(rig_.wherry().metric("wherry_manifest_ignored_objects"), 2);
  EXPECT_EQ(rig_.wherry().metric("wherry_manifest_errors"), 0);
}

TEST_F(Manifests, HostileOnesNeverTakeTheProcessOver400Megabytes) {
  run_one_pod();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::size_t most = 1u << 20;  // a sanitizer's own memory and pace would be measured
  const int broken = 2;               // so that flat.yaml and map.yaml are within the limits
#else
  const std::size_t most = 32u << 20;
  const int broken = 4;
#endif
  std::string flat = "apiVersion: v1\nkind: List\nitems:\n";
  while (flat.size() + 200 < most) {
    flat += "- {apiVersion: v1, kind: Pod, metadata: {name: p" + std::to_string(flat.size()) +
            ", labels: {a: b}}, status: {podIP: 10.0.0.1}}\n";
  }
  rig_.folder.replace("flat.yaml", flat);
  rig_.folder.replace("deep.yaml", std::string(most - 10, '['));
  std::string map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n";
  while (map.size() + 100 < most) map += "  k" + std::to_string(map.size()) + ": v\n";
  rig_.folder.replace("map.yaml", map);
  rig_.folder.replace("too-long.yaml", "# " + std::string(32u << 20, 'x') + '\n');
  wait_for_broken(broken);
  EXPECT_EQ(ask(rig_.service), "pod-1");
  EXPECT_THAT(rig_.wherry().get("/readyz?verbose"), HasSubstr("too-long.yaml: "));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(rig_.wherry().peak_resident_kib(), 400'000u);
#endif
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Without a sanitizer, whose memory and pace would be measured.

TEST_F(Manifests, WhatAFewLinesMultiplyToIsBounded) {
  run_one_pod();
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    const std::string number = std::to_string(i);
    text += "---\n" +
            pod_manifest("many-" + number, "many",
                         "10.1." + std::to_string(i / 250) + '.' + std::to_string(1 + i % 250));
    text += "---\n{apiVersion: v1, kind: Service, metadata: {name: s" + number +
            "}, spec: {selector: {app: many}, ports: [{port: " + std::to_string(20000 + i) +
            "}]}}\n";
  }
  rig_.folder.replace("products.yaml", text);
  ASSERT_TRUE(eventually([&] {
    return rig_.wherry().get("/readyz?verbose").find("has no endpoints") != std::string::npos;
  }));
  rig_.folder.replace("products.yaml", text + "# once more, beside the old ones\n");
  EXPECT_EQ(ask(rig_.service), "pod-1");
  EXPECT_EQ(rig_.wherry().status_of("/readyz"), 200);

  const auto check = test::wherry({"check", "--manifests", rig_.folder.path().string()});
  EXPECT_EQ(check.exit_code, 64);
  EXPECT_THAT(check.err, HasSubstr("narrow its selector"));
  EXPECT_LT(rig_.wherry().peak_resident_kib(), 400'000u);
}

#endif

}  // namespace
}  // namespace wherry::test
