#pragma once

#include "base/unique_fd.h"
#include "tests/balancer/model/answer.h"
#include "tests/balancer/model/history.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace wherry::balancer {

/// kube-proxy's own code, as the program of tests/oracle, behind two pipes. One thread.
class Oracle {
 public:
  /// Starts the program. Throws std::system_error where that fails.
  explicit Oracle(const std::string& program);
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  /// Sends histories; the program works on them while its answers are not fetched.
  void ask(const std::vector<History>& histories);
  /// What it says at each build of each history that was asked, in that order. Throws
  /// std::runtime_error where the program ended.
  [[nodiscard]] std::vector<std::vector<Answer>> answers(const std::vector<History>& histories);

 private:
  void exchange(bool wait);
  [[nodiscard]] Answer next_answer();

  pid_t pid_ = -1;
  UniqueFd to_;
  UniqueFd from_;
  std::string unsent_;
  std::size_t sent_ = 0;
  std::string unread_;
  std::size_t read_ = 0;
};

}  // namespace wherry::balancer
