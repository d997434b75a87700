#pragma once

namespace wherry::app {

/// Tells the kernel how readily this process is ended when memory is short, -1000 to 1000 (R6). To
/// go below what it is takes CAP_SYS_RESOURCE; lacking that is a warning in the log.
void set_oom_score_adj(int score);

}  // namespace wherry::app
