#include "watcher/manifest/manifest_store.h"

#include <set>
#include <utility>

namespace wherry::manifest {
void EndpointsAsSlices::replace(std::vector<Object> all) {
  std::set<model::ObjectKey> gone;
  for (const auto& [key, made] : made_) gone.insert(key);
  for (Object& endpoints : all) {
    gone.erase(endpoints->meta.key);
    upsert(std::move(endpoints));
  }
  for (const model::ObjectKey& key : gone) erase(key);
}

void EndpointsAsSlices::upsert(Object endpoints) {
  ByKey next;
  for (model::EndpointSlice& slice : model::to_slices(*endpoints)) {
    const model::ObjectKey key = slice.meta.key;
    next.emplace(key, std::make_shared<const model::EndpointSlice>(std::move(slice)));
  }
  change(endpoints->meta.key, std::move(next));
}

void EndpointsAsSlices::erase(const model::ObjectKey& key) { change(key, {}); }

/// Tells what differs from the slices that were made before.
void EndpointsAsSlices::change(const model::ObjectKey& endpoints, ByKey next) {
  ByKey& made = made_[endpoints];
  if (sink_ != nullptr) {
    for (const auto& [key, slice] : made) {
      if (!next.contains(key)) sink_->erase(key);
    }
    for (const auto& [key, slice] : next) {
      const auto known = made.find(key);
      if (known == made.end() || *known->second != *slice) sink_->upsert(slice);
    }
  }
  size_ = size_ - made.size() + next.size();
  made = std::move(next);
  if (made.empty()) made_.erase(endpoints);
}

void EndpointsAsSlices::append_to(std::vector<Slice>& slices) const {
  for (const auto& [endpoints, made] : made_) {
    for (const auto& [key, slice] : made) slices.push_back(slice);
  }
}

void ManifestObjects::set(const FileOrder& order, const std::string& file, ManifestContent content,
                          const ManifestSinks* sinks) {
  // First: an address that a block has needs no route of its own.
  service_cidrs_.set(order, file, std::move(content.service_cidrs),
                     sinks == nullptr ? nullptr : &sinks->service_cidrs);
  services_.set(order, file, std::move(content.services),
                sinks == nullptr ? nullptr : &sinks->services);
  pods_.set(order, file, std::move(content.pods), sinks == nullptr ? nullptr : &sinks->pods);
  slices_.set(order, file, std::move(content.slices), sinks == nullptr ? nullptr : &sinks->slices);
  slices_of_endpoints_.tell(sinks == nullptr ? nullptr : &sinks->slices);
  endpoints_.set(order, file, std::move(content.endpoints), &slices_of_endpoints_);
  nodes_.set(order, file, std::move(content.nodes), sinks == nullptr ? nullptr : &sinks->nodes);
}

void ManifestObjects::replace_all(const ManifestSinks& sinks) const {
  sinks.service_cidrs.replace(service_cidrs_.all());
  sinks.services.replace(services_.all());
  sinks.pods.replace(pods_.all());
  auto slices = slices_.all();
  slices_of_endpoints_.append_to(slices);
  sinks.slices.replace(std::move(slices));
  sinks.nodes.replace(nodes_.all());
}

std::vector<DoubleDefinition> ManifestObjects::doubles() const {
  std::vector<DoubleDefinition> all;
  services_.append_doubles("Service", all);
  pods_.append_doubles("Pod", all);
  slices_.append_doubles("EndpointSlice", all);
  endpoints_.append_doubles("Endpoints", all);
  nodes_.append_doubles("Node", all);
  service_cidrs_.append_doubles("ServiceCIDR", all);
  std::sort(all.begin(), all.end());
  return all;
}

std::map<std::string, std::size_t> ManifestObjects::counts() const {
  return {{"Service", services_.size()},
          {"Pod", pods_.size()},
          {"EndpointSlice", slices_.size() + slices_of_endpoints_.size()},
          {"Node", nodes_.size()},
          {"ServiceCIDR", service_cidrs_.size()}};
}

}  // namespace wherry::manifest
