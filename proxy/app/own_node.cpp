#include "proxy/app/own_node.h"

#include <algorithm>
#include <utility>

namespace wherry::app {

OwnNode::OwnNode(std::string name, NodeRules rules, std::function<void()> on_change)
    : name_(std::move(name)), rules_(std::move(rules)), on_change_(std::move(on_change)) {}

balancer::NodeView OwnNode::view() const {
  balancer::NodeView view = balancer::view_of(node_.get(), name_);
  if (rules_.address) view.addresses.insert(view.addresses.begin(), *rules_.address);
  if (!rules_.cluster_cidrs.empty()) view.pod_cidrs = rules_.cluster_cidrs;
  view.proxies = rules_.proxies;
  for (const auto& [name, addresses] : others_) {
    view.other_nodes.insert(view.other_nodes.end(), addresses.begin(), addresses.end());
  }
  std::sort(view.other_nodes.begin(), view.other_nodes.end());
  return view;
}

void OwnNode::replace(std::vector<Object> all) {
  const auto own = std::find_if(
      all.begin(), all.end(), [this](const Object& each) { return each->meta.key.name == name_; });
  std::map<std::string, std::vector<IpAddress>> others;
  for (const Object& each : all) {
    if (each->meta.key.name != name_ && !each->addresses.empty()) {
      others[each->meta.key.name] = each->addresses;
    }
  }
  const bool has_news = others != others_;
  others_ = std::move(others);
  set(own == all.end() ? nullptr : *own);
  if (has_news) on_change_();
}

void OwnNode::upsert(Object node) {
  if (node->meta.key.name != name_) return set_other(node->meta.key.name, node->addresses);
  set(std::move(node));
}

void OwnNode::erase(const model::ObjectKey& key) {
  if (key.name != name_) return set_other(key.name, {});
  set(nullptr);
}

void OwnNode::set_other(const std::string& name, const std::vector<IpAddress>& addresses) {
  const auto known = others_.find(name);
  if (addresses.empty()) {
    if (known == others_.end()) return;
    others_.erase(known);
  } else {
    if (known != others_.end() && known->second == addresses) return;
    others_[name] = addresses;
  }
  on_change_();
}

void OwnNode::set(Object node) {
  const bool is_news = (node == nullptr) != (node_ == nullptr) || (node && *node != *node_);
  node_ = std::move(node);
  if (is_news) on_change_();
}

}  // namespace wherry::app
