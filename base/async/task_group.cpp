#include "base/async/task_group.h"

#include "base/assert.h"
#include "base/log.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace wherry {
namespace {

[[noreturn]] void die_of(const std::string& task, const std::exception_ptr& escaped) {
  std::string what = "unknown exception";
  try {
    std::rethrow_exception(escaped);
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  log::error("an exception escaped a task", {{"task", task}, {"exception", what}});
  assertion_failed("no exception escapes a task", __FILE__, __LINE__);
}

}  // namespace

TaskGroup::~TaskGroup() { WHERRY_ASSERT(idle()); }

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
  ++running_;
  asio::co_spawn(loop_, std::move(task),
                 [this, name = std::move(name)](const std::exception_ptr& escaped) {
                   if (escaped) die_of(name, escaped);
                   --running_;
                 });
}

}  // namespace wherry
