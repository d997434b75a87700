#include "balancer/table_diff.h"

#include <algorithm>

namespace wherry::balancer {
namespace {

void compare(const ServicePortEntry* old, const ServicePortEntry* next, TableDiff& into) {
  if (old == next) return;
  if (old != nullptr && next != nullptr && old->id == next->id) {
    if (!same(*old, *next)) into.changed.push_back(next->id);
    return;
  }
  if (old != nullptr) into.removed.push_back(old->id);
  if (next != nullptr) into.added.push_back(next->id);
}

}  // namespace

TableDiff diff(const BackendTable& old, const BackendTable& next) {
  TableDiff difference;
  const auto old_chunks = old.chunks();
  const auto next_chunks = next.chunks();
  for (std::size_t i = 0; i < std::max(old_chunks.size(), next_chunks.size()); ++i) {
    const BackendTable::Chunk* a = i < old_chunks.size() ? old_chunks[i].get() : nullptr;
    const BackendTable::Chunk* b = i < next_chunks.size() ? next_chunks[i].get() : nullptr;
    if (a == b) continue;  // shared: nothing in it changed
    for (std::size_t j = 0; j < BackendTable::kChunkSize; ++j) {
      compare(a == nullptr ? nullptr : (*a)[j].get(), b == nullptr ? nullptr : (*b)[j].get(),
              difference);
    }
  }
  return difference;
}

}  // namespace wherry::balancer
