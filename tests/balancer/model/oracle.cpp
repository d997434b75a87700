#include "tests/balancer/model/oracle.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace wherry::balancer {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void make_nonblocking(const UniqueFd& fd) { ::fcntl(fd.get(), F_SETFL, O_NONBLOCK); }

}  // namespace

Oracle::Oracle(const std::string& program) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  std::string name = program;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  const int failed =
      ::posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), program);
  to_ = std::move(in.write);
  from_ = std::move(out.read);
  make_nonblocking(to_);
  make_nonblocking(from_);
}

Oracle::~Oracle() {
  to_.reset();
  from_.reset();
  ::waitpid(pid_, nullptr, 0);
}

void Oracle::ask(const std::vector<History>& histories) {
  unsent_.erase(0, sent_);
  sent_ = 0;
  for (const History& history : histories) unsent_ += to_lines(history);
  exchange(false);
}

std::vector<std::vector<Answer>> Oracle::answers(const std::vector<History>& histories) {
  std::vector<std::vector<Answer>> all;
  for (const History& history : histories) {
    all.emplace_back();
    for (const Event& event : history.events) {
      if (event.op == Event::Op::Build) all.back().push_back(next_answer());
    }
  }
  unread_.erase(0, read_);
  read_ = 0;
  return all;
}

/// Writes and reads what goes without waiting; or waits until something goes.
void Oracle::exchange(bool wait) {
  std::array<pollfd, 2> fds = {pollfd{from_.get(), POLLIN, 0}, pollfd{to_.get(), POLLOUT, 0}};
  const bool has_unsent = sent_ < unsent_.size();
  if (::poll(fds.data(), has_unsent ? 2 : 1, wait ? -1 : 0) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  if (has_unsent && fds[1].revents != 0) {
    const ssize_t n = ::write(to_.get(), unsent_.data() + sent_, unsent_.size() - sent_);
    if (n < 0 && errno != EAGAIN) throw std::runtime_error("the oracle has ended");
    if (n > 0) sent_ += static_cast<std::size_t>(n);
  }
  if (fds[0].revents == 0) return;
  std::array<char, 65536> bytes;
  const ssize_t n = ::read(from_.get(), bytes.data(), bytes.size());
  if (n == 0) throw std::runtime_error("the oracle has ended");
  if (n > 0) unread_.append(bytes.data(), static_cast<std::size_t>(n));
}

Answer Oracle::next_answer() {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = unread_.find('\n', read_);
    if (end == std::string::npos) {
      exchange(true);
      continue;
    }
    std::string line = unread_.substr(read_, end - read_);
    read_ = end + 1;
    if (line == ".") return to_answer(lines);
    lines.push_back(std::move(line));
  }
}

}  // namespace wherry::balancer
