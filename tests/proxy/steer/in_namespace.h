#pragma once

#include "base/unique_fd.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace wherry::steer {

/// A network namespace, which lives as long as somebody is in it or has it open.
class Namespace {
 public:
  /// The one that this thread is in.
  Namespace() : fd_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {}

  void enter() const { ASSERT_EQ(::setns(fd_.get(), CLONE_NEWNET), 0); }
  /// For `ip link set X netns ...`, from any process.
  [[nodiscard]] std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
  }

 private:
  UniqueFd fd_;
};

/// Runs a command in the namespace of this thread.
inline bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

/// Whether the two print the same now: `before` and what the command prints.
inline std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    text.append(buffer, n);
  }
  ::pclose(pipe);
  return text;
}

/// Runs the body in a new network namespace whose loopback is up. It belongs to a thread, so that
/// nobody else notices, and goes with it.
inline void in_new_network(const std::function<void()>& body) {
  bool is_allowed = false;
  std::thread thread([&] {
    is_allowed = ::unshare(CLONE_NEWNET) == 0 && run("ip link set lo up");
    if (is_allowed) body();
  });
  thread.join();
  if (!is_allowed) GTEST_SKIP() << "needs the right to make a network namespace";
}

/// A new namespace beside that of this thread, joined to it by a link: "node" here, "far" there.
inline Namespace new_neighbour() {
  const Namespace here;
  EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
  Namespace there;
  here.enter();
  EXPECT_TRUE(run("ip link add node type veth peer name far") &&
              run("ip link set far netns " + there.path()) && run("ip link set node up"));
  there.enter();
  EXPECT_TRUE(run("ip link set lo up && ip link set far up"));
  here.enter();
  return there;
}

}  // namespace wherry::steer
