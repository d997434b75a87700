#pragma once

#include "base/unique_fd.h"

#include <string>

/// Network namespaces of a test's own. Nothing has to be removed: the kernel does it when the last
/// descriptor is closed, whatever ends the process.
namespace wherry::test {

/// Why this process can't make network namespaces; empty if it can. With WHERRY_CI=1 in the
/// environment it throws instead, so that what must run there is not passed over.
[[nodiscard]] std::string why_no_namespace();

/// A namespace with loopback alone, which is up.
class NetNamespace {
 public:
  NetNamespace();

  /// What `ip link set DEVICE netns` takes, as long as this lives.
  [[nodiscard]] std::string path() const;
  /// Runs `ip` inside; throws with its words where it fails.
  void ip(const std::string& arguments) const;

  /// The thread is inside as long as this lives, and so are the sockets that it makes.
  class Inside {
   public:
    explicit Inside(const NetNamespace& space);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    UniqueFd before_;
  };

 private:
  UniqueFd fd_;
};

}  // namespace wherry::test
