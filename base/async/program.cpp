#include "base/async/program.h"

#include "base/unique_fd.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace wherry {
namespace {

constexpr std::size_t kMostErrors = 4096;

error_code system_error(int number) { return {number, boost::system::system_category()}; }

/// Arguments or an environment as exec() takes them.
class CStrings {
 public:
  explicit CStrings(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  [[nodiscard]] char** get() { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// posix_spawn's two objects, which must be destroyed.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

/// What there is while the program runs.
struct Program::Running {
  Running(asio::io_context& loop, pid_t id) : pid(id), output(loop), errors(loop), exited(loop) {}

  pid_t pid;
  asio::posix::stream_descriptor output;
  asio::posix::stream_descriptor errors;
  asio::posix::stream_descriptor exited;  ///< a pidfd: readable once the program has ended
  Timer deadline;
};

Program::Program(asio::io_context& loop, Timers& timers)
    : loop_(loop), timers_(timers), exited_(loop) {}

Program::~Program() = default;

error_code Program::start(const Command& command) {
  auto output = make_pipe();
  if (!output) return output.error();
  auto errors = make_pipe();
  if (!errors) return errors.error();

  SpawnSettings spawn;
  ::posix_spawn_file_actions_addopen(&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, output->writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, errors->writer.get(), STDERR_FILENO);
  // Ours are closed by exec() anyway; those that we were started with may not be.
  ::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, STDERR_FILENO + 1);
  sigset_t ours;  // what this process ignores or blocks is no business of the program's
  ::sigfillset(&ours);
  ::posix_spawnattr_setsigdefault(&spawn.attributes, &ours);
  ::sigemptyset(&ours);
  ::posix_spawnattr_setsigmask(&spawn.attributes, &ours);
  ::posix_spawnattr_setpgroup(&spawn.attributes, 0);
  ::posix_spawnattr_setflags(
      &spawn.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> words{command.path};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  CStrings arguments(std::move(words));
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment.all()) {
    variables.push_back(name + '=' + value);
  }
  CStrings environment(std::move(variables));
  pid_t pid = 0;
  if (const int error = ::posix_spawnp(&pid, command.path.c_str(), &spawn.actions,
                                       &spawn.attributes, arguments.get(), environment.get())) {
    return system_error(error);
  }
  // Linux 5.3. glibc has a wrapper since 2.36 only.
  UniqueFd exited(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!exited) {
    const int error = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return system_error(error);
  }
  running_ = std::make_unique<Running>(loop_, pid);
  running_->output.assign(output->reader.release());
  running_->errors.assign(errors->reader.release());
  running_->exited.assign(exited.release());
  running_->output.non_blocking(true);
  running_->errors.non_blocking(true);
  return {};
}

void Program::end(Outcome::End how) {
  if (!running_ || outcome_.end != Outcome::End::Exited) return;
  outcome_.end = how;
  ::kill(-running_->pid, SIGKILL);
}

void Program::kill() {
  killed_ = true;
  end(Outcome::End::Killed);
}

namespace {

using Stream = asio::posix::stream_descriptor;

/// Reads until the other end closes, or the stream is; `take` says whether to go on.
void read_on(Stream& stream, std::function<bool(std::string_view)> take) {
  stream.async_wait(Stream::wait_read, [&stream, take = std::move(take)](error_code error) mutable {
    if (error) return;  // closed: `stream` may be gone
    std::array<char, 4096> bytes{};
    const std::size_t size = stream.read_some(asio::buffer(bytes), error);
    if (error && error != asio::error::would_block) return;
    if (size > 0 && !take({bytes.data(), size})) return;
    read_on(stream, std::move(take));
  });
}

/// What is there already, without waiting: a grandchild may hold the pipe open for ever.
void read_rest(Stream& stream, const std::function<bool(std::string_view)>& take) {
  std::array<char, 4096> bytes{};
  for (;;) {
    error_code error;
    const std::size_t size = stream.read_some(asio::buffer(bytes), error);
    if (error || size == 0 || !take({bytes.data(), size})) return;
  }
}

}  // namespace

asio::awaitable<Result<Program::Outcome>> Program::run(Command command) {
  outcome_ = {};
  if (const error_code error = start(command)) co_return error;
  const std::function<bool(std::string_view)> take_output = [this, &command](auto bytes) {
    if (outcome_.output.size() + bytes.size() > command.most_output) {
      end(Outcome::End::TooMuchOutput);
      return false;
    }
    outcome_.output += bytes;
    return true;
  };
  const std::function<bool(std::string_view)> take_errors = [this](auto bytes) {
    outcome_.errors += bytes;
    if (outcome_.errors.size() > 2 * kMostErrors) {
      outcome_.errors.erase(0, outcome_.errors.size() - kMostErrors);
    }
    return true;
  };
  read_on(running_->output, take_output);
  read_on(running_->errors, take_errors);
  running_->exited.async_wait(Stream::wait_read, [this](const error_code& error) {
    if (!error) exited_.wake();
  });
  running_->deadline = timers_.schedule(command.timeout, [this] { end(Outcome::End::TimedOut); });
  if (killed_) end(Outcome::End::Killed);
  co_await exited_.wait();

  siginfo_t how{};
  ::waitid(P_PID, static_cast<id_t>(running_->pid), &how, WEXITED);
  read_rest(running_->output, take_output);
  read_rest(running_->errors, take_errors);
  if (how.si_code != CLD_EXITED && outcome_.end == Outcome::End::Exited) {
    outcome_.end = Outcome::End::Killed;
  }
  outcome_.status = how.si_status;
  if (outcome_.errors.size() > kMostErrors) {
    outcome_.errors.erase(0, outcome_.errors.size() - kMostErrors);
  }
  running_.reset();  // closes the pipes: what still reads them ends
  co_return std::exchange(outcome_, {});
}

}  // namespace wherry
