#include "base/async/task_group.h"

#include "tests/support/log_capture.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace wherry {
namespace {

asio::awaitable<void> yield_then_count(int& count) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  ++count;
}

asio::awaitable<void> throw_something() {
  throw std::runtime_error("boom");
  co_return;
}

TEST(TaskGroup, RunsTasksOnTheLoop) {
  asio::io_context loop(1);
  TaskGroup tasks(loop);
  int count = 0;
  tasks.spawn("one", yield_then_count(count));
  tasks.spawn("two", yield_then_count(count));
  EXPECT_EQ(count, 0);

  loop.run();

  EXPECT_EQ(count, 2);
}

TEST(TaskGroup, CountsWhatStillRuns) {
  asio::io_context loop(1);
  TaskGroup tasks(loop);
  int count = 0;
  tasks.spawn("one", yield_then_count(count));
  tasks.spawn("two", yield_then_count(count));
  EXPECT_EQ(tasks.running(), 2u);
  EXPECT_FALSE(tasks.idle());

  loop.run();

  EXPECT_TRUE(tasks.idle());
}

TEST(TaskGroupDeathTest, EndsTheProcessWithTheNameOfATaskThatThrows) {
  EXPECT_DEATH(
      {
        asio::io_context loop(1);
        TaskGroup tasks(loop);
        tasks.spawn("watch services", throw_something());
        loop.run();
      },
      "an exception escaped a task task=\"watch services\" exception=boom");
}

TEST(TaskGroupDeathTest, DoesNotOutliveItsTasks) {
  EXPECT_DEATH(
      {
        asio::io_context loop(1);
        int count = 0;
        TaskGroup tasks(loop);
        tasks.spawn("one", yield_then_count(count));
      },
      "assertion failed: idle\\(\\)");
}

}  // namespace
}  // namespace wherry
