#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/async/wakeup.h"
#include "base/duration.h"
#include "base/environment.h"
#include "base/result.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace wherry {

/// One run of another program, whose output is wanted. The program has no input, gets the
/// environment that it is given and nothing else that is open here, and its own process group.
///
/// One thread; run() once. kill(), and then the end of run(), before it is destroyed.
class Program {
 public:
  struct Command {
    std::string path;  ///< without a slash it is looked for in PATH
    std::vector<std::string> arguments;
    Environment environment;
    Duration timeout = std::chrono::seconds(60);  ///< then it is killed, with its group
    std::size_t most_output = 1u << 20;           ///< then too
  };
  struct Outcome {
    enum class End { Exited, Killed, TimedOut, TooMuchOutput };
    End end = End::Exited;
    int status = 0;      ///< the exit code, or the signal that killed it
    std::string output;  ///< what it wrote to stdout
    std::string errors;  ///< the last few KiB of what it wrote to stderr
  };

  Program(asio::io_context& loop, Timers& timers);
  ~Program();

  /// How it went; an error where it could not be started.
  [[nodiscard]] asio::awaitable<Result<Outcome>> run(Command command);
  /// Ends it; run() says Killed. Before run(): that will end at once.
  void kill();

 private:
  struct Running;

  [[nodiscard]] error_code start(const Command& command);
  void end(Outcome::End how);

  asio::io_context& loop_;
  Timers& timers_;
  Wakeup exited_;
  std::unique_ptr<Running> running_;
  Outcome outcome_;
  bool killed_ = false;
};

}  // namespace wherry
