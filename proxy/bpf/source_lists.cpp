#include "proxy/bpf/source_lists.h"

#include "base/assert.h"
#include "proxy/bpf/program/lb_types.h"

#include <algorithm>

namespace wherry::bpf {

void SourceLists::adopt(Id id, const Blocks& blocks) {
  lists_[id] = {blocks, 0};
  ids_.emplace(blocks, id);  // of two that are the same one is left unused, and goes
  unused_.insert(id);
  next_ = std::max(next_, id + 1);
}

SourceLists::Id SourceLists::acquire(const std::vector<Cidr>& blocks) {
  Blocks sorted;
  for (const Cidr& block : blocks) sorted.insert({block});
  auto found = ids_.find(sorted);
  if (found == ids_.end()) {
    while (next_ == 0 || next_ >= LB_LIST_IPV6 || lists_.contains(next_)) {
      next_ = next_ == 0 || next_ >= LB_LIST_IPV6 ? 1 : next_ + 1;
    }
    lists_[next_].blocks = sorted;
    found = ids_.emplace(std::move(sorted), next_++).first;
  }
  ++lists_.at(found->second).users;
  unused_.erase(found->second);
  return found->second;
}

void SourceLists::release(Id id) {
  List& list = lists_.at(id);
  WHERRY_ASSERT(list.users > 0);
  if (--list.users == 0) unused_.insert(id);
}

void SourceLists::forget(Id id) {
  WHERRY_ASSERT(unused_.contains(id));
  const auto list = lists_.find(id);
  const auto by_blocks = ids_.find(list->second.blocks);
  if (by_blocks != ids_.end() && by_blocks->second == id) ids_.erase(by_blocks);
  lists_.erase(list);
  unused_.erase(id);
}

const SourceLists::Blocks* SourceLists::blocks(Id id) const {
  const auto found = lists_.find(id);
  return found == lists_.end() ? nullptr : &found->second.blocks;
}

bool SourceLists::is_used(Id id) const { return lists_.contains(id) && !unused_.contains(id); }

}  // namespace wherry::bpf
