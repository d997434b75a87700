#include "config/setting_values.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace wherry::config {
namespace {

Wrong not_empty(std::string& into, const std::string& text, const std::string& remedy) {
  if (text.empty()) return "is empty; " + remedy;
  into = text;
  return std::nullopt;
}

/// RFC 1123: what a namespace may be called.
Wrong name_space(Options& options, Texts texts) {
  const std::string& name = texts[0];
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || name.size() > 63 || name.front() == '-' || name.back() == '-' ||
      !std::all_of(name.begin(), name.end(), is_letter)) {
    return quote(name) + " is no namespace; write lower-case letters, digits and '-'";
  }
  options.name_space = name;
  return std::nullopt;
}

Wrong poll_interval(Options& options, Texts texts) {
  Duration interval{};
  if (auto wrong = duration(interval, texts[0], true)) return wrong;
  if (interval != Duration::zero() && interval < std::chrono::seconds(1)) {
    return texts[0] + " is too often for an API server; write 1s or more, or 0 to watch";
  }
  options.poll_interval = interval;
  return std::nullopt;
}

/// A setting that is one text, which a member holds as it is.
Setting text_setting(std::string_view flag, std::string_view value, std::string_view help,
                     std::string Options::* member, const std::string& remedy) {
  return {
      .flag = flag,
      .value = value,
      .help = help,
      .kind = ValueKind::Text,
      .same_as = {},
      .apply = [member, remedy](Options& o, Texts t) { return not_empty(o.*member, t[0], remedy); },
      .show = [member](const Options& o) { return o.*member; }};
}

}  // namespace

std::vector<Setting> cluster_settings() {
  std::vector<Setting> all;
  all.push_back(text_setting("kubeconfig", "FILE",
                             "serve the cluster that this kubeconfig names (default: inside a pod "
                             "its service account, else KUBECONFIG, else ~/.kube/config)",
                             &Options::kubeconfig, "name a kubeconfig, or leave it out"));
  all.push_back(text_setting("context", "NAME",
                             "the context of the kubeconfig (default: its current-context)",
                             &Options::context, "name a context, or leave it out"));
  all.push_back(text_setting("master", "URL",
                             "where the API server is, in place of what the kubeconfig or the pod "
                             "says",
                             &Options::master, "write a URL such as https://10.0.0.1:6443"));
  all.push_back({.flag = "namespace",
                 .value = "NAMESPACE",
                 .help = "read this namespace only, for which a Role is enough (default: all)",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = name_space,
                 .show = [](const Options& o) { return o.name_space; }});
  all.push_back(word_setting(
      "endpoints", "SOURCE",
      "slices: as the cluster's controller makes them; pods: the label selectors of Services are "
      "matched here",
      "source of endpoints", &Options::endpoints,
      Words<Endpoints>{{"slices", Endpoints::Slices}, {"pods", Endpoints::Pods}}));
  all.push_back({.flag = "poll-interval",
                 .value = "DURATION",
                 .help = "list again and again instead of watching, where watch is forbidden; 0: "
                         "watch",
                 .kind = ValueKind::Duration,
                 .same_as = {},
                 .apply = poll_interval,
                 .show = [](const Options& o) { return format_duration(o.poll_interval); }});
  all.push_back(text_setting("state-dir", "DIR",
                             "keep the cluster's last good state here, for a start while the API "
                             "server is away",
                             &Options::state_dir, "name a folder, or leave it out"));
  return all;
}

}  // namespace wherry::config
