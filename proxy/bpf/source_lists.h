#pragma once

#include "base/cidr.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace wherry::bpf {

/// Lists of address blocks by number, each list once however many destinations share it: the
/// Services of one ingress controller all have the same. Pure.
class SourceLists {
 public:
  using Id = std::uint32_t;  ///< 1 and up
  /// Which blocks, in an order of its own, each once.
  struct Block {
    Cidr cidr;
    friend bool operator<(const Block& a, const Block& b) {
      return a.cidr.base() != b.cidr.base() ? a.cidr.base() < b.cidr.base()
                                            : a.cidr.prefix_length() < b.cidr.prefix_length();
    }
  };
  using Blocks = std::set<Block>;

  /// A list that somebody left, under the number it had; nobody uses it yet.
  void adopt(Id id, const Blocks& blocks);

  /// One more user of the list that holds these blocks.
  [[nodiscard]] Id acquire(const std::vector<Cidr>& blocks);
  void release(Id id);

  /// The lists that have no user (any more).
  [[nodiscard]] const std::set<Id>& unused() const noexcept { return unused_; }
  /// Nobody needs to know of an unused list any more.
  void forget(Id id);

  /// Null where there is no such list.
  [[nodiscard]] const Blocks* blocks(Id id) const;
  [[nodiscard]] bool is_used(Id id) const;

 private:
  struct List {
    Blocks blocks;
    std::size_t users = 0;
  };

  std::map<Id, List> lists_;
  std::map<Blocks, Id> ids_;
  std::set<Id> unused_;
  Id next_ = 1;
};

}  // namespace wherry::bpf
