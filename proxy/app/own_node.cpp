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
  return view;
}

void OwnNode::replace(std::vector<Object> all) {
  const auto own = std::find_if(
      all.begin(), all.end(), [this](const Object& each) { return each->meta.key.name == name_; });
  set(own == all.end() ? nullptr : std::move(*own));
}

void OwnNode::upsert(Object node) {
  if (node->meta.key.name == name_) set(std::move(node));
}

void OwnNode::erase(const model::ObjectKey& key) {
  if (key.name == name_) set(nullptr);
}

void OwnNode::set(Object node) {
  const bool is_news = (node == nullptr) != (node_ == nullptr) || (node && *node != *node_);
  node_ = std::move(node);
  if (is_news) on_change_();
}

}  // namespace wherry::app
