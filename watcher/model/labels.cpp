#include "watcher/model/labels.h"

#include <algorithm>

namespace wherry::model {

const std::string* find(const Labels& labels, std::string_view key) {
  const auto found = labels.find(key);
  return found == labels.end() ? nullptr : &found->second;
}

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
    const std::string* value = find(labels, pair.first);
    return value != nullptr && *value == pair.second;
  });
}

}  // namespace wherry::model
