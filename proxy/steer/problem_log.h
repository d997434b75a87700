#pragma once

#include "proxy/steer/listen_claims.h"
#include "watcher/model/object_key.h"

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

/// Tells the owner of a Service what happens to it: its name, a reason in one word, and a text. May
/// be empty where nobody can be told.
using ReportService = std::function<void(const model::ObjectKey&, const std::string& reason,
                                         const std::string& text)>;

/// Says each problem once for as long as it lasts: in the log, and to the Service's owner where its
/// protocol is not carried (U1), since nobody else would tell who wrote it. A family that the
/// machine does not have is passed over: it is the machine's owner who wanted that.
///
/// One thread.
class ProblemLog {
 public:
  explicit ProblemLog(ReportService report) : report_(std::move(report)) {}

  /// All problems that there are now: those of service ports, and `others`.
  void update(const std::vector<ListenProblem>& problems, const std::vector<std::string>& others);

 private:
  const ReportService report_;
  std::set<std::string> said_;
};

}  // namespace wherry::steer
