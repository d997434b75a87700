// What outlives the process: pins on a bpffs of the test's own, in a mount namespace of its own.

#include "proxy/bpf/capability.h"
#include "proxy/bpf/libbpf_steering.h"
#include "tests/proxy/bpf/kernel_fixture.h"
#include "tests/support/log_capture.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bpf/bpf.h>
#include <cstring>
#include <filesystem>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mount.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace wherry::bpf {
namespace {

using test::at;
using test::ip;
using ::testing::ElementsAre;

constexpr auto kTcp = Protocol::TCP;
const Destination kWeb = Destination::of(kTcp, ip("10.96.0.1"), 80);
const Destination kApi = Destination::of(kTcp, ip("10.96.0.2"), 80);

class PinsTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("bpf", temp_.path().c_str(), "bpf", 0, nullptr), 0) << std::strerror(errno);
    is_mounted_ = true;
    process_ = group_socket(kTcp, ip("0.0.0.0"));
  }
  void TearDown() override {
    if (is_mounted_) ::umount2(temp_.path().c_str(), MNT_DETACH);
  }

  /// As a process that starts does it: everything is there before it is attached.
  std::unique_ptr<LibbpfSteering> start(const std::vector<Destination>& destinations,
                                        std::uint32_t max_entries = 1024) {
    auto steering = open({folder(), max_entries});
    give_sockets(*steering);
    EXPECT_FALSE(steering->apply(all(destinations)));
    EXPECT_FALSE(steering->attach());
    return steering;
  }
  static SteerChange all(const std::vector<Destination>& destinations) {
    SteerChange change{.set = {}, .erase = {}, .scope = scope()};
    for (const Destination& each : destinations) change.set.emplace_back(each, Steered{});
    return change;
  }
  /// As `kill -9` does it.
  void kill(std::unique_ptr<LibbpfSteering>& steering) {
    steering.reset();
    sockets_.clear();
  }

  [[nodiscard]] std::string folder() const { return temp_ / "wherry/4026531840"; }
  /// Whether a process of the host is kept away from VIPs.
  [[nodiscard]] bool is_steered() const {
    return try_it(kTcp, {ip("10.96.0.1"), address_of(process_.get()).port}) != Seen::Taken;
  }
  [[nodiscard]] __u32 link_id() const {
    const UniqueFd link(::bpf_obj_get((folder() + "/link").c_str()));
    bpf_link_info info{};
    __u32 size = sizeof info;
    return ::bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 ? info.id : 0;
  }
  [[nodiscard]] std::vector<std::string> pinned() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& each : std::filesystem::directory_iterator(folder(), error)) {
      names.push_back(each.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TempFolder temp_;
  UniqueFd process_;  ///< the host's, on the wildcard
  bool is_mounted_ = false;
};

TEST_F(PinsTest, AKilledOneLeavesWhatTheNextTakesOverAndCorrects) {
  auto first = start({kWeb, kApi});
  const __u32 link = link_id();
  ASSERT_NE(link, 0u);
  kill(first);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Refused) << "nobody carries it";
  EXPECT_TRUE(is_steered());

  auto next = open({folder(), 1024});
  EXPECT_TRUE(next->took_over());
  give_sockets(*next);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken) << "sockets are all it needs";
  EXPECT_EQ(next->attachment().value(), Attachment::Detached)
      << "the old program, of the same bytes";

  ASSERT_FALSE(next->apply(all({kWeb})));
  ASSERT_FALSE(next->attach());

  EXPECT_EQ(next->attachment().value(), Attachment::Whole);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.2:80")), Seen::Silence) << "it is nobody's any more";
  EXPECT_EQ(link_id(), link) << "it was never detached";
}

TEST_F(PinsTest, WhatTheSameBuildHasLeftIsAdoptedAndNothingIsLoaded) {
  auto first = start({kWeb, kApi});
  const __u32 link = link_id();
  kill(first);

  auto next = LibbpfSteering::adopt({folder(), 1024});
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->took_over());
  EXPECT_TRUE(next->is_pinned());
  EXPECT_EQ(next->attachment().value(), Attachment::Whole)
      << "nothing is to be done but to give it sockets";
  give_sockets(*next);
  ASSERT_FALSE(next->apply(all({kWeb})));
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.2:80")), Seen::Silence) << "it is nobody's any more";
  EXPECT_EQ(link_id(), link);

  // It goes on like one that was loaded: somebody takes the pins away, and another one comes.
  std::filesystem::remove_all(folder() + "/maps-1-1024");
  EXPECT_EQ(next->attachment().value(), Attachment::Unpinned);
  ASSERT_FALSE(next->attach());
  EXPECT_EQ(next->attachment().value(), Attachment::Whole);
  kill(next);
  auto third = LibbpfSteering::adopt({folder(), 1024});
  ASSERT_TRUE(third);
  third->close(KernelSteering::Pins::Remove);
  EXPECT_FALSE(is_steered());
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(PinsTest, WhatIsNotWholeIsNotAdopted) {
  EXPECT_FALSE(LibbpfSteering::adopt({folder(), 1024})) << "nothing is there";
  EXPECT_FALSE(LibbpfSteering::adopt({"", 1024}));
  auto first = start({kWeb});
  EXPECT_FALSE(LibbpfSteering::adopt({folder(), 2048})) << "another size";
  {
    const test::NetNamespace other;
    const test::NetNamespace::Inside inside(other);
    EXPECT_FALSE(LibbpfSteering::adopt({folder(), 1024})) << "another namespace's";
  }
  const UniqueFd link(::bpf_obj_get((folder() + "/link").c_str()));
  const auto break_and_mend = [&](const std::string& name, const auto& harm) {
    ASSERT_TRUE(LibbpfSteering::adopt({folder(), 1024})) << name;
    harm();
    EXPECT_FALSE(LibbpfSteering::adopt({folder(), 1024})) << name;
    ASSERT_FALSE(first->attach());
  };
  break_and_mend("detached", [&] { ASSERT_EQ(::bpf_link_detach(link.get()), 0); });
  break_and_mend("no link", [&] { std::filesystem::remove(folder() + "/link"); });
  break_and_mend("a map is missing",
                 [&] { std::filesystem::remove(folder() + "/maps-1-1024/counts"); });
  break_and_mend("a map of somebody else", [&] {
    const std::string vips = folder() + "/maps-1-1024/vips";
    std::filesystem::remove(vips);
    const UniqueFd other(::bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 4, 1, nullptr));
    ASSERT_EQ(::bpf_obj_pin(other.get(), vips.c_str()), 0);
  });
  break_and_mend("the program is missing", [&] {
    for (const auto& each : std::filesystem::directory_iterator(folder() + "/maps-1-1024")) {
      if (each.path().filename().string().starts_with("program-")) {
        std::filesystem::remove(each.path());
        break;
      }
    }
  });
}

TEST_F(PinsTest, AProgramThatWasBuiltForAnotherKernelThanThisIsNotAdopted) {
  if (!sees_ingress_interface()) GTEST_SKIP() << "this kernel has only one kind of program";
  auto first = start({kWeb});
  kill(first);
  // As if the one before had thought that the kernel shows it no interfaces.
  const std::string place = folder() + "/maps-1-1024";
  for (const auto& each : std::filesystem::directory_iterator(place)) {
    std::string name = each.path().filename();
    const std::size_t end = name.find("-interfaces");
    if (end == std::string::npos) continue;
    std::filesystem::rename(each.path(), place + '/' + name.replace(end, name.npos, "-addresses"));
    break;
  }

  EXPECT_FALSE(LibbpfSteering::adopt({folder(), 1024}));

  auto next = start({kWeb});
  EXPECT_TRUE(next->took_over()) << "the maps are the same";
  EXPECT_EQ(next->attachment().value(), Attachment::Whole);
  EXPECT_TRUE(next->sees_interfaces());
  kill(next);
  const auto adopted = LibbpfSteering::adopt({folder(), 1024});
  ASSERT_TRUE(adopted);
  EXPECT_TRUE(adopted->sees_interfaces());
}

TEST_F(PinsTest, AnotherLayoutGoesOnUntilItIsReplacedAtOnce) {
  auto first = start({kWeb});
  const __u32 link = link_id();
  const auto old_sockets = std::move(sockets_);

  auto next = open({folder(), 2048});
  EXPECT_FALSE(next->took_over());
  give_sockets(*next);
  ASSERT_FALSE(next->apply(all({kApi})));
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.2:80")), Seen::Silence);

  ASSERT_FALSE(next->attach());

  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Silence);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.2:80")), Seen::Taken);
  EXPECT_EQ(link_id(), link);
  EXPECT_THAT(pinned(), ElementsAre("link", "maps-1-2048"));
}

TEST_F(PinsTest, NobodyIsRefusedWhileTheNextTakesOver) {
  auto first = start({kWeb});
  const auto old_sockets = std::move(sockets_);
  std::atomic<bool> stop{false};
  std::atomic<int> taken{0};
  std::atomic<int> refused{0};
  std::thread client([&] {
    while (!stop && taken < 3000) ++(test::try_connect(at("10.96.0.1:80")) == 0 ? taken : refused);
  });

  for (const std::uint32_t size : {1024u, 2048u, 4096u}) {
    EXPECT_TRUE(test::eventually([&, before = taken.load()] { return taken > before + 10; }));
    first = start({kWeb, kApi}, size);
  }
  stop = true;
  client.join();

  EXPECT_EQ(refused, 0);
  EXPECT_GT(taken, 30);
}

TEST_F(PinsTest, AStopRemovesEverything) {
  auto steering = start({kWeb});

  steering->close(KernelSteering::Pins::Remove);

  EXPECT_FALSE(is_steered());
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(PinsTest, AStopThatKeepsThemLeavesVipsToNobody) {
  auto steering = start({kWeb});

  steering->close(KernelSteering::Pins::Keep);
  sockets_.clear();

  EXPECT_TRUE(is_steered());
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Refused);
}

TEST_F(PinsTest, R5_CleaningUpAfterAKilledOneDetachesIt) {
  auto steering = start({kWeb});
  kill(steering);
  ASSERT_TRUE(is_steered());

  EXPECT_FALSE(PinFolder::remove_all(folder()));

  EXPECT_FALSE(is_steered());
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_FALSE(PinFolder::remove_all(folder())) << "nothing there is no error";
}

TEST_F(PinsTest, R7_PinsThatSomebodyRemovedAreSeenAndPutBack) {
  auto steering = start({kWeb});
  // The last one with the folder of all namespaces.
  for (const char* gone : {"link", "maps-1-1024", ".", "../../wherry"}) {
    std::filesystem::remove_all(std::filesystem::path(folder() + '/' + gone).lexically_normal());
    EXPECT_EQ(steering->attachment().value(), Attachment::Unpinned) << gone;

    ASSERT_FALSE(steering->attach());

    EXPECT_EQ(steering->attachment().value(), Attachment::Whole) << gone;
    EXPECT_THAT(pinned(), ElementsAre("link", "maps-1-1024"));
  }
  kill(steering);
  EXPECT_TRUE(is_steered());
}

TEST_F(PinsTest, R7_PinsThatCanNotBePutBackAreStillWanted) {
  const test::LogCapture log;
  auto steering = start({kWeb});
  std::filesystem::remove_all(folder());
  ASSERT_EQ(::symlink("/nowhere/at/all", folder().c_str()), 0) << std::strerror(errno);
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(steering->attach()) << "no reason not to steer";
    EXPECT_EQ(steering->attachment().value(), Attachment::Unpinned);
    EXPECT_FALSE(steering->is_pinned());
  }
  EXPECT_EQ(log.count("it can't be pinned"), 1u);

  std::filesystem::remove(folder());
  ASSERT_FALSE(steering->attach());

  EXPECT_EQ(steering->attachment().value(), Attachment::Whole);
  EXPECT_TRUE(steering->is_pinned());
  kill(steering);
}

TEST_F(PinsTest, MapsThatDoNotFitAreReplaced) {
  auto first = start({kWeb});
  kill(first);
  const std::string vips = folder() + "/maps-1-1024/vips";
  std::filesystem::remove(vips);
  const UniqueFd other(::bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 4, 1, nullptr));
  ASSERT_EQ(::bpf_obj_pin(other.get(), vips.c_str()), 0);

  auto next = start({kWeb});

  EXPECT_FALSE(next->took_over());
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
  kill(next);
  EXPECT_TRUE(start({kWeb})->took_over());
}

TEST_F(PinsTest, AnotherNamespacesPinsAreLeftAlone) {
  const test::LogCapture log;
  auto first = start({kWeb});
  const __u32 link = link_id();
  const auto old_sockets = std::move(sockets_);
  const test::NetNamespace other;
  {
    const test::NetNamespace::Inside inside(other);
    auto second = start({kApi});
    EXPECT_FALSE(second->is_pinned());
    EXPECT_EQ(second->attachment().value(), Attachment::Whole);
    second->close(KernelSteering::Pins::Remove);
  }

  EXPECT_EQ(log.count("another network namespace's is pinned"), 1u);
  EXPECT_EQ(link_id(), link);
  EXPECT_EQ(first->attachment().value(), Attachment::Whole);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
}

TEST_F(PinsTest, WithoutABpffsItSteersAndSaysThatItEndsWithTheProcess) {
  const test::LogCapture log;
  const test::TempFolder ordinary;
  auto steering = open({ordinary / "pins", 1024});
  give_sockets(*steering);
  ASSERT_FALSE(steering->apply(all({kWeb})));
  ASSERT_FALSE(steering->attach());

  EXPECT_FALSE(steering->is_pinned());
  EXPECT_EQ(log.count("steering ends with the process"), 1u);
  EXPECT_EQ(try_it(kTcp, at("10.96.0.1:80")), Seen::Taken);
  kill(steering);
  EXPECT_FALSE(is_steered());
}

}  // namespace
}  // namespace wherry::bpf
