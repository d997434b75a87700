#include "tests/support/wherry_process.h"

#include "proxy/admin/http_get.h"
#include "tests/support/sockets.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace wherry::test {
namespace {

namespace fs = std::filesystem;

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string temporary_file() {
  std::string name = (fs::temp_directory_path() / "wherry-output-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  if (fd < 0) throw std::runtime_error("no temporary file");
  ::close(fd);
  return name;
}

/// Starts a program with stdout and stderr in files ("" leaves them alone).
pid_t spawn(std::vector<std::string> command, const std::string& out, const std::string& err) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const auto redirect = [&actions](int fd, const std::string& path) {
    if (path.empty()) return;
    ::posix_spawn_file_actions_addopen(&actions, fd, path.c_str(), O_WRONLY | O_APPEND, 0);
  };
  redirect(STDOUT_FILENO, out);
  redirect(STDERR_FILENO, err);
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("can't start " + command[0]);
  return pid;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Calls `visit` with each sample's name, labels included, and value.
void for_each_sample(const std::string& text,
                     const std::function<void(const std::string&, double)>& visit) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = line.rfind(' ');
    visit(line.substr(0, space), std::stod(line.substr(space + 1)));
  }
}

}  // namespace

ProcessResult run_program(const std::vector<std::string>& command) {
  const std::string out = temporary_file();
  const std::string err = temporary_file();
  const pid_t pid = spawn(command, out, err);
  int status = 0;
  const bool ended =
      eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, std::chrono::seconds(60));
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  ProcessResult result{exit_code_of(status), read_all(out), read_all(err)};
  fs::remove(out);
  fs::remove(err);
  if (!ended) throw std::runtime_error(command[0] + " does not end:\n" + result.err);
  return result;
}

std::uint16_t free_port() {
  // Below the ports that the kernel gives to clients: one of those could come to be in use.
  static std::uint32_t next = static_cast<std::uint32_t>(::getpid()) * 97;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(10'000 + ++next % 20'000);
    try {
      const TestListener trial({IpAddress::any(IpFamily::IPv4), port});
      return port;
    } catch (const std::exception&) {
      continue;  // taken
    }
  }
  throw std::runtime_error("no free port");
}

WherryProcess::WherryProcess(const std::string& binary, const std::vector<std::string>& arguments,
                             WaitUntil wait_until, const std::vector<std::string>& wrapper)
    : admin_{IpAddress::loopback(IpFamily::IPv4), free_port()}, log_path_(temporary_file()) {
  std::vector<std::string> command = wrapper;
  command.insert(command.end(), {binary, "run", "--admin-address", admin_.to_string()});
  command.insert(command.end(), arguments.begin(), arguments.end());
  pid_ = spawn(std::move(command), log_path_, log_path_);
  const char* page = wait_until == WaitUntil::Ready ? "/readyz" : "/livez";
  const bool up = eventually(
      [&] {
        const auto answer = admin::http_get(admin_, page, std::chrono::seconds(2));
        return (answer && answer->status == 200) || !runs();
      },
      std::chrono::seconds(30));
  if (!up || !runs()) throw std::runtime_error("wherry did not get ready:\n" + log());
}

WherryProcess::~WherryProcess() {
  if (runs()) {
    // Two signals: it ends at once, and in good order, so that a sanitizer has its say.
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGINT);
    if (!eventually([this] { return !runs(); })) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      std::cerr << log() << "wherry did not end\n";
      std::abort();
    }
  }
  const std::string text = log();
  std::error_code ignored;
  fs::remove(log_path_, ignored);
  if (text.find("Sanitizer") != std::string::npos ||
      text.find("runtime error:") != std::string::npos) {
    std::cerr << text;
    std::abort();  // not a matter of the one test that happens to run
  }
}

void WherryProcess::signal(int number) const { ::kill(pid_, number); }

bool WherryProcess::runs() {
  int status = 0;
  if (!exit_code_ && ::waitpid(pid_, &status, WNOHANG) == pid_) exit_code_ = exit_code_of(status);
  return !exit_code_;
}

int WherryProcess::wait() {
  if (!eventually([this] { return !runs(); }, std::chrono::seconds(60))) {
    throw std::runtime_error("wherry does not end:\n" + log());
  }
  return *exit_code_;
}

int WherryProcess::stop() {
  signal(SIGTERM);
  return wait();
}

std::string WherryProcess::log() const { return read_all(log_path_); }

std::string WherryProcess::get(const std::string& path) const {
  const auto answer = admin::http_get(admin_, path, std::chrono::seconds(20));
  if (!answer) throw std::runtime_error("wherry does not answer: " + answer.error().message());
  return answer->body;
}

int WherryProcess::status_of(const std::string& path) const {
  const auto answer = admin::http_get(admin_, path, std::chrono::seconds(20));
  return answer ? answer->status : 0;
}

double WherryProcess::metric(const std::string& name) const {
  double sum = 0;
  for_each_sample(get("/metrics"), [&](const std::string& sample, double value) {
    if (sample == name || sample.starts_with(name + '{')) sum += value;
  });
  return sum;
}

double WherryProcess::sample(const std::string& name_and_labels) const {
  double found = 0;
  for_each_sample(get("/metrics"), [&](const std::string& sample, double value) {
    if (sample == name_and_labels) found = value;
  });
  return found;
}

std::uint64_t WherryProcess::status_kib(const std::string& field) const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; file >> word;) {
    std::uint64_t kib = 0;
    if (word == field && file >> kib) return kib;
  }
  return 0;
}

std::size_t WherryProcess::open_descriptors() const {
  const fs::directory_iterator fds("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(fds), end(fds)));
}

std::chrono::nanoseconds WherryProcess::cpu_time() const {
  std::chrono::nanoseconds total{};
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    std::int64_t ns = 0;
    file >> ns;
    total += std::chrono::nanoseconds(ns);
  }
  return total;
}

std::string pod_manifest(const std::string& name, const std::string& app,
                         const std::string& address) {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n  labels:\n    app: " + app +
         "\nstatus:\n  podIP: " + address +
         "\n  conditions:\n  - type: Ready\n    status: \"True\"\n";
}

std::string service_manifest(const std::string& name, const std::string& app, std::uint16_t port,
                             std::uint16_t target_port) {
  return "apiVersion: v1\nkind: Service\nmetadata:\n  name: " + name +
         "\nspec:\n  selector:\n    app: " + app + "\n  ports:\n  - port: " + std::to_string(port) +
         "\n    targetPort: " + std::to_string(target_port) + "\n";
}

}  // namespace wherry::test
