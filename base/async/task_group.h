#pragma once

#include "base/async/asio.h"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace wherry {

/// Starts coroutines on one event loop and knows how many still run.
///
/// An exception that escapes a coroutine is a bug and ends the process with the task's name. The
/// owner stops its tasks (by closing what they wait for) and runs the loop until idle() before it
/// destroys the group; the destructor asserts that.
class TaskGroup {
 public:
  explicit TaskGroup(asio::io_context& loop) : loop_(loop) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(std::string name, asio::awaitable<void> task);

  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  [[nodiscard]] bool idle() const noexcept { return running_ == 0; }

 private:
  asio::io_context& loop_;
  std::size_t running_ = 0;
};

}  // namespace wherry
