#include "proxy/app/oom_score.h"

#include "base/log.h"
#include "base/unique_fd.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace wherry::app {

void set_oom_score_adj(int score) {
  const std::string text = std::to_string(score);
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return;
  }
  const int error = errno;
  log::warn("the score of the out-of-memory killer can't be set; it stays as it is",
            {{"oom_score_adj", score},
             {"reason", std::strerror(error)},
             {"remedy", "give the process CAP_SYS_RESOURCE, or leave oomScoreAdj out"}});
}

}  // namespace wherry::app
