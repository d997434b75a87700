#include "watcher/last_good.h"

#include "tests/support/builders.h"
#include "tests/support/log_capture.h"
#include "tests/support/temp_folder.h"
#include "tests/watcher/api/loop_test.h"
#include "watcher/last_good_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace wherry::watcher {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const ClusterIdentity kIdentity{"https://api.test:6443", "", "slices", "node-1"};

ClusterObjects some_objects() {
  ClusterObjects objects;
  objects.services.push_back(test::service("web").cluster_ip("10.0.0.1").port("http", 80));
  objects.services.push_back(test::service("six").cluster_ip("fd00::1").port("dns", 53));
  objects.slices.push_back(
      test::slice("web-1", "web").port("http", 8080).endpoint("10.1.0.1").on_node("node-1"));
  objects.pods.push_back(
      test::shared<model::Pod>(test::pod("web-a", "10.1.0.1").label("app", "web").get()));
  model::Node node;
  node.meta.key = {"", "node-1"};
  node.addresses.push_back(test::ip("192.0.2.1"));
  node.taints.emplace_back("a-taint");
  objects.nodes.push_back(std::make_shared<const model::Node>(node));
  return objects;
}

template <class T>
void expect_equal(const std::vector<T>& left, const std::vector<T>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(*left[i] == *right[i]) << i;
}

class LastGoodTest : public ::testing::Test {
 protected:
  void write() { ASSERT_FALSE(write_last_good(path_, kIdentity, some_objects())); }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::string refusal(const ClusterIdentity& identity = kIdentity) const {
    const auto read = read_last_good(path_, identity);
    const auto* refused = std::get_if<LastGoodRefusal>(&read);
    return refused == nullptr ? "" : refused->text;
  }

  test::TempFolder folder_;
  const std::string path_ = folder_ / "last-good.json";
};

TEST_F(LastGoodTest, A34_ReturnsEveryKindAsItWas) {
  write();
  const auto read = read_last_good(path_, kIdentity);
  const auto* objects = std::get_if<ClusterObjects>(&read);
  ASSERT_NE(objects, nullptr) << refusal();
  const ClusterObjects written = some_objects();
  expect_equal(objects->services, written.services);
  expect_equal(objects->slices, written.slices);
  expect_equal(objects->pods, written.pods);
  expect_equal(objects->nodes, written.nodes);
}

TEST_F(LastGoodTest, NothingIsSomethingToo) {
  ASSERT_FALSE(write_last_good(path_, kIdentity, {}));
  const auto read = read_last_good(path_, kIdentity);
  ASSERT_TRUE(std::holds_alternative<ClusterObjects>(read));
}

TEST_F(LastGoodTest, AMissingFileIsNoFault) {
  const auto read = read_last_good(path_, kIdentity);
  const auto* refused = std::get_if<LastGoodRefusal>(&read);
  ASSERT_NE(refused, nullptr);
  EXPECT_TRUE(refused->is_missing);
}

TEST_F(LastGoodTest, EveryOtherIdentityIsForeign) {
  write();
  for (auto member : {&ClusterIdentity::server, &ClusterIdentity::name_space,
                      &ClusterIdentity::endpoints, &ClusterIdentity::node}) {
    ClusterIdentity other = kIdentity;
    other.*member = "another";
    EXPECT_THAT(refusal(other), HasSubstr("another cluster"));
  }
}

TEST_F(LastGoodTest, ATruncatedFileIsRefusedWhereverItEnds) {
  write();
  const std::string whole = text();
  for (std::size_t size = 0; size < whole.size(); size += 17) {
    folder_.write("last-good.json", whole.substr(0, size));
    ASSERT_THAT(refusal(), HasSubstr("damaged")) << size;
  }
}

TEST_F(LastGoodTest, AChangedByteIsRefusedWhereverItIs) {
  write();
  const std::string whole = text();
  for (std::size_t at = 0; at < whole.size(); at += 13) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    folder_.write("last-good.json", damaged);
    ASSERT_NE(refusal(), "") << at;
  }
}

TEST_F(LastGoodTest, WhatIsAddedIsRefused) {
  write();
  folder_.write("last-good.json", text() + "{}\n");
  EXPECT_THAT(refusal(), HasSubstr("checksum"));
}

TEST_F(LastGoodTest, WhatIsNoFileIsRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_NE(refusal(), "");
}

TEST_F(LastGoodTest, AFailedWriteLeavesTheOldFile) {
  write();
  const std::string before = text();
  std::filesystem::create_directory(path_ + ".new");
  EXPECT_TRUE(write_last_good(path_, kIdentity, {}));
  EXPECT_EQ(text(), before);
}

TEST_F(LastGoodTest, LeavesNothingBeside) {
  write();
  write();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    ++files;
    EXPECT_EQ(entry.path().string(), path_);
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
  }
  EXPECT_EQ(files, 1u);
}

class LastGoodKeeperTest : public test::LoopTest {
 protected:
  [[nodiscard]] std::size_t kept(const std::string& path) const {
    const auto read = read_last_good(path, kIdentity);
    const auto* objects = std::get_if<ClusterObjects>(&read);
    return objects == nullptr ? 0 : objects->services.size();
  }
  void add_service() {
    objects_.services.push_back(test::service("s" + std::to_string(objects_.services.size())));
  }
  [[nodiscard]] std::unique_ptr<LastGoodKeeper> keeper(const std::string& path) {
    return std::make_unique<LastGoodKeeper>(loop_, loop_.get_executor(), timers_, clock_, path,
                                            kIdentity, [this] { return objects_; });
  }

  test::TempFolder folder_;
  test::LogCapture log_;
  ClusterObjects objects_;
};

TEST_F(LastGoodKeeperTest, WritesWithinFiveSecondsOfAChangeHoweverManyThereAre) {
  const std::string path = folder_ / "state";
  const auto keeper = this->keeper(path);
  std::size_t changes = 0;
  for (int second = 0; second < 60; ++second) {
    add_service();
    ++changes;
    keeper->on_change();
    advance(1s);
    EXPECT_GE(kept(path) + 5, changes);
  }
  advance(4s);
  EXPECT_EQ(kept(path), changes);
  MetricFamilies families;
  keeper->collect(families);
  EXPECT_LE(families.front().samples.front().value, 30) << "not each change is written";
  keeper->stop();
  run();
}

TEST_F(LastGoodKeeperTest, WritesAtTheStopWhatIsNotWrittenYet) {
  const std::string path = folder_ / "state";
  const auto keeper = this->keeper(path);
  add_service();
  keeper->on_change();
  keeper->stop();
  run();
  EXPECT_EQ(kept(path), 1u);
  add_service();
  keeper->on_change();
  advance(1min);
  EXPECT_EQ(kept(path), 1u) << "nothing after it";
}

TEST_F(LastGoodKeeperTest, WritesNothingWhereNothingHasChanged) {
  const std::string path = folder_ / "state";
  const auto keeper = this->keeper(path);
  advance(1h);
  keeper->stop();
  run();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LastGoodKeeperTest, SaysOnceThatItCantAndOnceThatItCanAgain) {
  const std::string path = folder_ / "missing/state";
  const auto keeper = this->keeper(path);
  add_service();
  keeper->on_change();
  advance(10min);
  EXPECT_EQ(log_.count("can't be written"), 1u);
  folder_.write("missing/another", "");
  advance(10s);
  EXPECT_EQ(kept(path), 1u) << "it has been tried again";
  EXPECT_EQ(log_.count("is written again"), 1u);
  keeper->stop();
  run();
}

}  // namespace
}  // namespace wherry::watcher
