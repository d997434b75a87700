#include "proxy/app/service_cidrs.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace wherry::app {

ServiceCidrs::ServiceCidrs(std::function<void(const std::vector<Cidr>&)> on_change)
    : on_change_(std::move(on_change)) {}

void ServiceCidrs::replace(std::vector<Object> all) {
  by_name_.clear();
  for (const Object& each : all) by_name_[each->meta.key.name] = each->cidrs;
  tell();
}

void ServiceCidrs::upsert(Object object) {
  by_name_[object->meta.key.name] = object->cidrs;
  tell();
}

void ServiceCidrs::erase(const model::ObjectKey& key) {
  by_name_.erase(key.name);
  tell();
}

void ServiceCidrs::tell() {
  std::vector<Cidr> all;
  for (const auto& [name, blocks] : by_name_) all.insert(all.end(), blocks.begin(), blocks.end());
  std::sort(all.begin(), all.end(), [](const Cidr& a, const Cidr& b) {
    return std::pair(a.base(), a.prefix_length()) < std::pair(b.base(), b.prefix_length());
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (all == told_) return;
  told_ = std::move(all);
  on_change_(told_);
}

}  // namespace wherry::app
