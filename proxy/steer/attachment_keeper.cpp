#include "proxy/steer/attachment_keeper.h"

#include <utility>

namespace wherry::steer {

using bpf::Attachment;

Repairs AttachmentKeeper::check() {
  Repairs repairs;
  const auto before = kernel_.attachment();
  auto now = before;
  if (!before || *before != Attachment::Whole) {
    if (const error_code error = kernel_.attach()) {
      why_not_attached_ =
          "the program that leads clients here can't be attached: " + error.message() +
          "; it needs CAP_NET_ADMIN and CAP_BPF, and is tried again";
      is_attached_ = false;
      return repairs;
    }
    now = kernel_.attachment();
    if (now && *now == Attachment::Detached) {
      why_not_attached_ =
          "the program that leads clients here does not stay attached: somebody detaches it; "
          "it is attached again, but find who does so (\"bpftool link\" lists what is there)";
      is_attached_ = false;
      return repairs;
    }
  }
  why_not_attached_.clear();
  const bool was_attached = std::exchange(is_attached_, true);
  const bool was_detached = !before || *before == Attachment::Detached;
  if (was_detached && was_attached) {
    repairs["the program that leads clients here, which was detached"] = 1;
  }
  if (now && *now == Attachment::Unpinned) {
    why_not_pinned_ =
        "what shall outlive the process can't be pinned: while wherry is restarted Services' "
        "addresses are the host's; the log names the reason, and it is tried again";
    return repairs;
  }
  why_not_pinned_.clear();
  const bool was_unpinned = before && *before == Attachment::Unpinned;
  if (was_unpinned && was_whole_) repairs["what is pinned, and outlives the process"] = 1;
  was_whole_ = true;
  return repairs;
}

}  // namespace wherry::steer
