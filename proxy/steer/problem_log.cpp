#include "proxy/steer/problem_log.h"

#include "base/log.h"

#include <utility>

namespace wherry::steer {

void ProblemLog::update(const std::vector<ListenProblem>& problems,
                        const std::vector<std::string>& others) {
  std::set<std::string> current;
  // Of two with the same words one is said.
  const auto is_news = [&](const std::string& text) {
    return current.insert(text).second && !said_.contains(text);
  };
  for (const ListenProblem& problem : problems) {
    if (problem.kind == ListenProblem::Kind::NoFamily || !is_news(problem.text)) continue;
    log::warn(problem.text);
    if (report_ && problem.kind == ListenProblem::Kind::NotCarried) {
      report_(problem.service_port.service, "ProtocolNotSupported", problem.text);
    }
  }
  for (const std::string& text : others) {
    if (is_news(text)) log::warn(text);
  }
  said_ = std::move(current);
}

}  // namespace wherry::steer
