#pragma once

#include "base/socket_address.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// The wherry binary as users run it, for tests that look at it from outside.
namespace wherry::test {

struct ProcessResult {
  int exit_code = -1;  ///< 128 + n if signal n ended it
  std::string out;
  std::string err;
};

/// Runs a program to its end. Throws std::runtime_error if it has not ended after 60 s.
[[nodiscard]] ProcessResult run_program(const std::vector<std::string>& command);

/// A `wherry run` that is ended when the object goes.
class WherryProcess {
 public:
  enum class WaitUntil { Ready, Started };

  /// Adds --admin-address with a free port. Returns once /readyz says 200 (or, with Started, once
  /// /livez does); throws std::runtime_error, with its log, if that takes too long. `wrapper` is
  /// put before the binary: {"prlimit", "--nofile=64"}.
  WherryProcess(const std::string& binary, const std::vector<std::string>& arguments,
                WaitUntil wait_until = WaitUntil::Ready,
                const std::vector<std::string>& wrapper = {});
  ~WherryProcess();
  WherryProcess(const WherryProcess&) = delete;
  WherryProcess& operator=(const WherryProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const SocketAddress& admin() const { return admin_; }

  void signal(int number) const;
  /// Waits for the end; the exit code, or 128 + n if signal n ended it.
  int wait();
  /// SIGTERM and wait().
  int stop();
  /// Whether it still runs.
  [[nodiscard]] bool runs();

  /// Everything that it has written to stderr so far.
  [[nodiscard]] std::string log() const;

  /// A page of the admin server; throws where it does not answer.
  [[nodiscard]] std::string get(const std::string& path) const;
  [[nodiscard]] int status_of(const std::string& path) const;
  /// The sum over all label sets of a metric.
  [[nodiscard]] double metric(const std::string& name) const;
  /// One sample, named with its labels: name{label="value"}.
  [[nodiscard]] double sample(const std::string& name_and_labels) const;

  [[nodiscard]] std::uint64_t resident_kib() const { return status_kib("VmRSS:"); }
  [[nodiscard]] std::uint64_t peak_resident_kib() const { return status_kib("VmHWM:"); }
  [[nodiscard]] std::size_t open_descriptors() const;
  /// Exact CPU time of all threads, from /proc/PID/task/*/schedstat.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

 private:
  [[nodiscard]] std::uint64_t status_kib(const std::string& field) const;

  SocketAddress admin_;
  std::string log_path_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// A port on 127.0.0.1 that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

/// Manifests in few words. The pod is ready.
[[nodiscard]] std::string pod_manifest(const std::string& name, const std::string& app,
                                       const std::string& address);
[[nodiscard]] std::string service_manifest(const std::string& name, const std::string& app,
                                           std::uint16_t port, std::uint16_t target_port);

}  // namespace wherry::test
