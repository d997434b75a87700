#include "base/async/program.h"

#include "base/async/asio_timers.h"
#include "base/async/task_group.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace wherry {
namespace {

using namespace std::chrono_literals;
using End = Program::Outcome::End;
using ::testing::HasSubstr;

/// Real programs, time as the test has it.
class ProgramTest : public ::testing::Test {
 protected:
  ~ProgramTest() override {
    program_.kill();
    EXPECT_TRUE(finish());
  }

  void start(Program::Command command) { tasks_.spawn("program", run(std::move(command))); }
  void start_shell(const std::string& script, Duration timeout = 60s) {
    Program::Command command;
    command.path = "sh";
    command.arguments = {"-c", script};
    command.environment = Environment({{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello"}});
    command.timeout = timeout;
    start(std::move(command));
  }
  [[nodiscard]] bool finish() {
    return test::eventually([this] {
      loop_.restart();
      loop_.poll();
      return tasks_.idle();
    });
  }
  [[nodiscard]] Program::Outcome outcome() {
    EXPECT_TRUE(finish());
    EXPECT_TRUE(result_ && *result_) << "did not start";
    return result_ && *result_ ? **result_ : Program::Outcome();
  }

  asio::awaitable<void> run(Program::Command command) {
    result_ = co_await program_.run(std::move(command));
  }

  asio::io_context loop_{1};
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  Program program_{loop_, timers_};
  TaskGroup tasks_{loop_};
  std::optional<Result<Program::Outcome>> result_;
};

TEST_F(ProgramTest, GivesWhatItWroteAndItsExitCode) {
  start_shell("printf '%s world' $GREETING; echo oops >&2; exit 3");

  const Program::Outcome got = outcome();
  EXPECT_EQ(got.end, End::Exited);
  EXPECT_EQ(got.status, 3);
  EXPECT_EQ(got.output, "hello world");
  EXPECT_EQ(got.errors, "oops\n");
}

TEST_F(ProgramTest, SaysWhyItCouldNotBeStarted) {
  Program::Command command;
  command.path = "/no/such/program";
  start(std::move(command));

  ASSERT_TRUE(finish());
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error(), boost::system::errc::no_such_file_or_directory);
}

TEST_F(ProgramTest, HasTheEnvironmentThatItIsGivenAndNoInput) {
  start_shell("env | grep -c . ; cat | wc -c");

  // PATH, GREETING, and the shell's own PWD (and perhaps SHLVL, _).
  EXPECT_THAT(outcome().output, HasSubstr("\n0\n"));
}

TEST_F(ProgramTest, IsKilledWithItsChildrenWhenItsTimeIsOver) {
  start_shell("sleep 1000 & echo started; wait", 5s);
  ASSERT_TRUE(test::eventually([this] {
    loop_.restart();
    loop_.poll();
    return timers_.waiting() == 1;
  }));

  timers_.advance(5s);

  EXPECT_EQ(outcome().end, End::TimedOut);
}

TEST_F(ProgramTest, IsKilledOnRequest) {
  start_shell("sleep 1000");
  loop_.poll();
  program_.kill();

  const Program::Outcome got = outcome();
  EXPECT_EQ(got.end, End::Killed);
  EXPECT_EQ(got.status, SIGKILL);
  EXPECT_EQ(timers_.waiting(), 0u);
}

TEST_F(ProgramTest, EndsAtOnceWhereItWasKilledBefore) {
  program_.kill();
  start_shell("sleep 1000");

  EXPECT_EQ(outcome().end, End::Killed);
}

TEST_F(ProgramTest, MayNotWriteWithoutEnd) {
  start_shell("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");

  const Program::Outcome got = outcome();
  EXPECT_EQ(got.end, End::TooMuchOutput);
  EXPECT_LE(got.output.size(), 1u << 20);
}

TEST_F(ProgramTest, KeepsTheEndOfManyErrors) {
  start_shell("i=0; while [ $i -lt 2000 ]; do echo error $i >&2; i=$((i + 1)); done");

  const Program::Outcome got = outcome();
  EXPECT_LE(got.errors.size(), 4096u);
  EXPECT_THAT(got.errors, ::testing::EndsWith("error 1999\n"));
}

TEST_F(ProgramTest, DoesNotWaitForAGrandchildThatKeepsItsOutputOpen) {
  start_shell("sleep 5 & echo done");

  EXPECT_EQ(outcome().output, "done\n");
}

TEST_F(ProgramTest, InheritsNoOpenFile) {
  const test::TestListener listener;  // any descriptor
  start_shell("ls /proc/self/fd | wc -l");

  EXPECT_EQ(outcome().output, "4\n");  // 0, 1, 2 and the folder itself
}

}  // namespace
}  // namespace wherry
