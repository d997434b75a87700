#include "config/setting.h"

#include "config/setting_values.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

namespace wherry::config {
namespace {

/// Words as the log has them.
template <class T>
Words<T> log_words(std::initializer_list<T> all) {
  Words<T> words;
  for (const T each : all) words.emplace_back(log::to_string(each), each);
  return words;
}

Wrong listen_address(Options& options, Texts texts) {
  const auto parsed = IpAddress::parse(texts[0]);
  if (!parsed) {
    return quote(texts[0]) + " is no IP address; write one such as 127.0.0.1, 0.0.0.0 or ::1" +
           (SocketAddress::parse(texts[0]) ? " (without a port: each Service brings its own)" : "");
  }
  if (parsed->is_multicast()) {
    return texts[0] + " is a multicast address; write an address of this machine";
  }
  options.listen_address = *parsed;
  return std::nullopt;
}

Wrong listen_pool(Options& options, Texts texts) {
  const auto parsed = Cidr::parse(texts[0]);
  if (!parsed) {
    return quote(texts[0]) + " is no CIDR; write address/length, for example 127.64.0.0/16";
  }
  if (parsed->has_host_bits()) {
    return texts[0] + " is an address inside a block; the block is " + parsed->to_string();
  }
  if (parsed->base().is_multicast() || parsed->size() < 4) {
    return texts[0] + " holds no addresses for Services; write a block such as 127.64.0.0/16";
  }
  options.listen_pool = *parsed;
  return std::nullopt;
}

Wrong take_admin_address(Options& options, const std::string& text,
                         std::optional<SocketAddress> parsed) {
  if (!parsed) {
    return quote(text) + " is no ADDR:PORT; write for example 127.0.0.1:10249 or [::1]:10249";
  }
  options.admin_address = *parsed;
  return std::nullopt;
}

Wrong admin_address(Options& options, Texts texts) {
  return take_admin_address(options, texts[0], SocketAddress::parse(texts[0]));
}

/// kube-proxy lets the port be left out.
Wrong metrics_bind_address(Options& options, Texts texts) {
  return take_admin_address(options, texts[0], address_with_port(texts[0], 10249));
}

Wrong node_name(Options& options, Texts texts) {
  // Lower-cased and trimmed, as kube-proxy does it (W9).
  std::string name = texts[0];
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  name.erase(name.begin(), std::find_if_not(name.begin(), name.end(), is_space));
  while (!name.empty() && is_space(name.back())) name.pop_back();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto is_inner = [](char c) { return c == '-' || c == '.'; };
  const auto is_allowed = [&is_inner](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || is_inner(c);
  };
  // No Node begins with '-'; it is the next flag that was taken for a name.
  if (name.empty() || name.size() > 253 || is_inner(name.front()) || is_inner(name.back()) ||
      !std::all_of(name.begin(), name.end(), is_allowed)) {
    return quote(texts[0]) + " is no node name; write lower-case letters, digits, '-' and '.'";
  }
  options.node_name = name;
  return std::nullopt;
}

std::vector<Setting> make_settings() {
  std::vector<Setting> all;
  all.push_back({.flag = "manifests",
                 .value = "PATH",
                 .help = "what to serve: files or folders of YAML or JSON manifests, followed as "
                         "they change",
                 .kind = ValueKind::List,
                 .same_as = {},
                 .apply = [](Options& o, Texts t) -> Wrong {
                   o.manifests.assign(t.begin(), t.end());
                   return std::nullopt;
                 },
                 .show =
                     [](const Options& o) {
                       return std::accumulate(o.manifests.begin(), o.manifests.end(), std::string(),
                                              [](std::string a, const std::string& b) {
                                                return a.empty() ? b : std::move(a) + ' ' + b;
                                              });
                     }});
  std::vector<Setting> of_cluster = cluster_settings();
  std::move(of_cluster.begin(), of_cluster.end(), std::back_inserter(all));
  all.push_back({.flag = "listen-address",
                 .value = "ADDR",
                 .help = "where service ports listen if their clusterIP is no address of this "
                         "machine",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = listen_address,
                 .show = [](const Options& o) { return o.listen_address.to_string(); }});
  all.push_back({.flag = "listen-pool",
                 .value = "CIDR",
                 .help = "give each Service an address of its own from this block, for example "
                         "127.64.0.0/16",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = listen_pool,
                 .show = [](const Options& o) {
                   return o.listen_pool ? o.listen_pool->to_string() : std::string();
                 }});
  all.push_back(
      {.flag = "port-offset",
       .value = "N",
       .help = "add N to every service port (for users who may not open ports below "
               "1024)",
       .kind = ValueKind::Integer,
       .same_as = {},
       .apply = [](Options& o,
                   Texts t) { return whole_number<std::uint16_t>(o.port_offset, t[0], 0, 65534); },
       .show = [](const Options& o) { return std::to_string(o.port_offset); }});
  std::vector<Setting> of_steering = steering_settings();
  std::move(of_steering.begin(), of_steering.end(), std::back_inserter(all));
  std::vector<Setting> of_services = service_settings();
  std::move(of_services.begin(), of_services.end(), std::back_inserter(all));
  std::vector<Setting> of_clients = client_settings();
  std::move(of_clients.begin(), of_clients.end(), std::back_inserter(all));
  all.push_back({.flag = "node-name",
                 .value = "NAME",
                 .help = "which node this is (default: the host's name)",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = node_name,
                 .show = [](const Options& o) { return o.node_name; }});
  all.push_back({.flag = "hostname-override",
                 .value = "NAME",
                 .help = "the same as --node-name, under kube-proxy's name",
                 .kind = ValueKind::Text,
                 .same_as = "node-name",
                 .apply = node_name,
                 .show = [](const Options&) { return std::string(); }});
  all.push_back({.flag = "workers",
                 .value = "N",
                 .help = "threads that carry connections; 0: one per core",
                 .kind = ValueKind::Integer,
                 .same_as = {},
                 .apply = [](Options& o,
                             Texts t) { return whole_number<unsigned>(o.workers, t[0], 0, 1024); },
                 .show = [](const Options& o) { return std::to_string(o.workers); }});
  all.push_back({.flag = "admin-address",
                 .value = "ADDR:PORT",
                 .help = "where /livez, /readyz, /metrics and /table are; port 0 takes a free one",
                 .kind = ValueKind::Text,
                 .same_as = {},
                 .apply = admin_address,
                 .show = [](const Options& o) { return o.admin_address.to_string(); }});
  all.push_back({.flag = "metrics-bind-address",
                 .value = "ADDR:PORT",
                 .help = "the same as --admin-address, under kube-proxy's name",
                 .kind = ValueKind::Text,
                 .same_as = "admin-address",
                 .apply = metrics_bind_address,
                 .show = [](const Options&) { return std::string(); }});
  std::vector<Setting> of_node = node_settings();
  std::move(of_node.begin(), of_node.end(), std::back_inserter(all));
  all.push_back(
      {.flag = "connect-timeout",
       .value = "DURATION",
       .help = "how long one backend has to accept a connection",
       .kind = ValueKind::Duration,
       .same_as = {},
       .apply = [](Options& o, Texts t) { return duration(o.connect_timeout, t[0], false); },
       .show = [](const Options& o) { return format_duration(o.connect_timeout); }});
  all.push_back(
      {.flag = "max-attempts",
       .value = "N",
       .help = "how many backends are tried for one client before it is refused",
       .kind = ValueKind::Integer,
       .same_as = {},
       .apply = [](Options& o,
                   Texts t) { return whole_number<unsigned>(o.max_attempts, t[0], 1, 100); },
       .show = [](const Options& o) { return std::to_string(o.max_attempts); }});
  all.push_back({.flag = "idle-timeout",
                 .value = "DURATION",
                 .help = "close connections that carried nothing for so long; 0: never",
                 .kind = ValueKind::Duration,
                 .same_as = {},
                 .apply = [](Options& o, Texts t) { return duration(o.idle_timeout, t[0], true); },
                 .show = [](const Options& o) { return format_duration(o.idle_timeout); }});
  all.push_back({.flag = "max-sessions",
                 .value = "N",
                 .help = "connections carried at once; more wait; 0: what the limit on open files "
                         "allows",
                 .kind = ValueKind::Integer,
                 .same_as = {},
                 .apply =
                     [](Options& o, Texts t) {
                       return whole_number<std::uint64_t>(o.max_sessions, t[0], 0, 100'000'000);
                     },
                 .show = [](const Options& o) { return std::to_string(o.max_sessions); }});
  std::vector<Setting> of_udp = udp_settings();
  std::move(of_udp.begin(), of_udp.end(), std::back_inserter(all));
  all.push_back({.flag = "drain-timeout",
                 .value = "DURATION",
                 .help = "how long established connections may go on after a stop was asked for",
                 .kind = ValueKind::Duration,
                 .same_as = {},
                 .apply = [](Options& o, Texts t) { return duration(o.drain_timeout, t[0], true); },
                 .show = [](const Options& o) { return format_duration(o.drain_timeout); }});
  all.push_back(word_setting(
      "log-level", "LEVEL", "debug, info, warn or error", "level", &Options::log_level,
      log_words({log::Level::Debug, log::Level::Info, log::Level::Warn, log::Level::Error})));
  all.push_back(word_setting("log-format", "FORMAT", "text or json", "format", &Options::log_format,
                             log_words({log::Format::Text, log::Format::Json})));
  return all;
}

/// How many letters must be put in, taken out, replaced or swapped to turn one word into another.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

bool Setting::takes_off() const {
  return std::find(words.begin(), words.end(), "off") != words.end();
}

std::string Setting::key() const {
  std::string text;
  bool upper = false;
  for (const char c : flag) {
    if (c == '-') {
      upper = true;
      continue;
    }
    text += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  return text;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = make_settings();
  return all;
}

const Setting* find_flag(std::string_view flag) {
  const auto& all = settings();
  const auto found =
      std::find_if(all.begin(), all.end(), [flag](const Setting& s) { return s.flag == flag; });
  return found == all.end() ? nullptr : &*found;
}

const Setting* find_key(std::string_view key) {
  const auto& all = settings();
  const auto found =
      std::find_if(all.begin(), all.end(), [key](const Setting& s) { return s.key() == key; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = &candidate;
      best_distance = d;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace wherry::config
