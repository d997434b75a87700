#include "watcher/api/request.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace wherry::api {
namespace {

std::string escaped(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

class Target {
 public:
  Target(std::string_view base_path, const Resource& resource) : text_(base_path) {
    while (text_.ends_with('/')) text_.pop_back();
    text_ += resource.group.empty() ? "/api/" : "/apis/" + resource.group + '/';
    text_ += resource.version;
    if (!resource.name_space.empty()) text_ += "/namespaces/" + escaped(resource.name_space);
    text_ += '/' + resource.plural;
    add("labelSelector", resource.labels);
    add("fieldSelector", resource.fields);
  }

  void add(std::string_view key, std::string_view value) {
    if (!value.empty()) add_even_if_empty(key, value);
  }
  void add_even_if_empty(std::string_view key, std::string_view value) {
    text_ += has_query_ ? '&' : '?';
    text_ += std::string(key) + '=' + escaped(value);
    has_query_ = true;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  bool has_query_ = false;
};

}  // namespace

std::string Resource::api_version() const {
  return group.empty() ? version : group + '/' + version;
}

std::string list_target(std::string_view base_path, const Resource& resource,
                        const ListOptions& options) {
  Target target(base_path, resource);
  if (options.limit > 0) target.add("limit", std::to_string(options.limit));
  if (options.continue_token.empty()) {
    target.add("resourceVersion", options.resource_version);
  } else {
    target.add("continue", options.continue_token);
  }
  return target.take();
}

std::string watch_target(std::string_view base_path, const Resource& resource,
                         const WatchOptions& options) {
  Target target(base_path, resource);
  target.add("watch", "true");
  target.add("allowWatchBookmarks", "true");
  target.add("timeoutSeconds", std::to_string(options.timeout.count()));
  target.add("resourceVersion", options.resource_version);
  if (options.send_initial_events) {
    target.add("sendInitialEvents", "true");
    target.add("resourceVersionMatch", "NotOlderThan");
  }
  return target.take();
}

std::string events_target(std::string_view base_path, std::string_view name_space) {
  const Resource events{.name = "events",
                        .group = "events.k8s.io",
                        .version = "v1",
                        .plural = "events",
                        .kind = "Event",
                        .name_space = std::string(name_space)};
  return Target(base_path, events).take();
}

std::string event_target(std::string_view base_path, std::string_view name_space,
                         std::string_view name) {
  return events_target(base_path, name_space) + '/' + escaped(name);
}

std::string rbac_rule(const Resource& resource) {
  return "- {apiGroups: [\"" + resource.group + "\"], resources: [\"" + resource.plural +
         "\"], verbs: [\"list\", \"watch\"]}";
}

std::string events_rbac_rule() {
  return R"(- {apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"]})";
}

}  // namespace wherry::api
