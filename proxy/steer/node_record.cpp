#include "proxy/steer/node_record.h"

#include "base/document/field_reader.h"
#include "base/document/read_documents.h"
#include "base/quoted.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <limits>
#include <string_view>
#include <unistd.h>

namespace wherry::steer {
namespace {

namespace json = boost::json;
using document::FieldReader;

constexpr std::string_view kFormat = "wherry node record";
constexpr int kVersion = 1;
/// Ten thousand interfaces with a filter each take 2 MB.
constexpr std::size_t kLargest = 16u << 20;

error_code last_error() { return {errno, boost::system::system_category()}; }

// --- to JSON -----------------------------------------------------------------------------------

template <class Range, class Encode>
json::array list_of(const Range& range, Encode encode) {
  json::array list;
  for (const auto& each : range) list.push_back(encode(each));
  return list;
}

json::object encode(const ArpValues& values) {
  return {{"arpIgnore", values.ignore}, {"arpAnnounce", values.announce}};
}

json::object encode(const NetworkNamespace& node, const NodeRecord& record) {
  return {{"format", json::string(kFormat)},
          {"version", kVersion},
          // More than the 53 bits that other readers of JSON have for a number.
          {"namespace",
           {{"inode", std::to_string(node.inode)}, {"cookie", std::to_string(node.cookie)}}},
          {"owner", {{"pid", record.owner.pid}, {"started", json::string(record.owner.started)}}},
          {"routeProtocols", list_of(record.route_protocols, [](std::uint8_t n) { return n; })},
          {"markRules", list_of(record.mark_rules,
                                [](const MarkRuleSpec& rule) {
                                  return json::object{{"mark", rule.mark},
                                                      {"mask", rule.mask},
                                                      {"table", rule.table},
                                                      {"priority", rule.priority}};
                                })},
          {"arp", list_of(record.arp,
                          [](const ArpChange& change) {
                            return json::object{{"interface", json::string(change.name)},
                                                {"index", change.interface},
                                                {"before", encode(change.before)},
                                                {"set", encode(change.set)}};
                          })},
          {"links", list_of(record.links,
                            [](const LinkChange& change) {
                              return json::object{{"interface", json::string(change.name)},
                                                  {"index", change.interface},
                                                  {"what", json::string(change.what)}};
                            })},
          {"sysctls", list_of(record.sysctls,
                              [](const SysctlChange& change) {
                                return json::object{{"name", json::string(change.name)},
                                                    {"before", json::string(change.before)},
                                                    {"set", json::string(change.set)}};
                              })},
          {"pins", list_of(record.pins, [](const std::string& pin) { return json::string(pin); })}};
}

// --- from JSON ---------------------------------------------------------------------------------

std::uint64_t decode_long(const FieldReader& from, std::string_view key) {
  const std::string text = from.string(key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    from.fault(key, "is no number in quotes");
  }
  return number;
}

std::uint32_t decode_number(const FieldReader& from, std::string_view key) {
  const std::int64_t number = from.integer(key).value_or(-1);
  if (number >= 0 && number <= std::numeric_limits<std::uint32_t>::max()) {
    return static_cast<std::uint32_t>(number);
  }
  from.fault(key, "is no number from 0 to 4294967295");
  return 0;
}

ArpValues decode_arp(const FieldReader& from) {
  return {decode_number(from, "arpIgnore"), decode_number(from, "arpAnnounce")};
}

NodeRecord decode(const FieldReader& root) {
  NodeRecord record;
  const FieldReader owner = root.object("owner");
  record.owner = {owner.integer("pid").value_or(0), owner.string("started")};
  root.each("routeProtocols", [&record](const FieldReader& each) {
    const std::int64_t number = each.as_integer().value_or(-1);
    if (number < 0 || number > 255) return each.fault("is no number from 0 to 255");
    record.route_protocols.push_back(static_cast<std::uint8_t>(number));
  });
  root.each("markRules", [&record](const FieldReader& each) {
    record.mark_rules.push_back({.mark = decode_number(each, "mark"),
                                 .mask = decode_number(each, "mask"),
                                 .table = decode_number(each, "table"),
                                 .priority = decode_number(each, "priority")});
  });
  root.each("arp", [&record](const FieldReader& each) {
    record.arp.push_back({decode_number(each, "index"), each.string("interface"),
                          decode_arp(each.object("before")), decode_arp(each.object("set"))});
  });
  root.each("links", [&record](const FieldReader& each) {
    record.links.push_back(
        {decode_number(each, "index"), each.string("interface"), each.string("what")});
  });
  root.each("sysctls", [&record](const FieldReader& each) {
    record.sysctls.push_back({each.string("name"), each.string("before"), each.string("set")});
  });
  record.pins = root.strings("pins");
  return record;
}

std::string damaged(const std::string& path, const std::string& why) {
  return "the record " + wherry::quoted(path) + " of what an earlier wherry set up on this node " +
         why +
         "; it is not used: remove it, and look with \"ip rule\", \"tc filter\" and \"sysctl "
         "net.ipv4.conf\" for what may be left";
}

error_code write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error();
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

bool NodeRecord::is_empty() const {
  return route_protocols.empty() && mark_rules.empty() && arp.empty() && links.empty() &&
         sysctls.empty() && pins.empty();
}

std::string node_record_path(const std::string& run_dir, const NetworkNamespace& node) {
  return run_dir + "/netns-" + std::to_string(node.inode) + ".json";
}

std::variant<std::optional<NodeRecord>, std::string> read_node_record(
    const std::string& run_dir, const NetworkNamespace& node) {
  const std::string path = node_record_path(run_dir, node);
  const auto text = read_file(path, kLargest);
  if (!text && text.error() == boost::system::errc::no_such_file_or_directory) return std::nullopt;
  if (!text) return damaged(path, "can't be read: " + text.error().message());

  std::optional<json::value> value;
  const auto error = document::read_documents(
      *text, document::Expect::Json, document::Limits{},
      [&value](document::Document&& each) { value = std::move(each.value); });
  if (error) return damaged(path, "is damaged: " + error->text);
  if (!value) return damaged(path, "is empty");
  document::FieldFaults faults;
  const FieldReader root(*value, faults);
  if (root.string("format") != kFormat) return damaged(path, "is none: it does not say so");
  if (root.integer("version") != kVersion) {
    return damaged(path, "was written by another version of wherry");
  }
  NodeRecord record = decode(root);
  const FieldReader space = root.object("namespace");
  const NetworkNamespace of{decode_long(space, "inode"), decode_long(space, "cookie")};
  if (!faults.empty()) {
    return damaged(path,
                   "is damaged: " + faults.front().path.to_string() + ": " + faults.front().text);
  }
  if (of == node) return record;
  NodeRecord outlived;
  outlived.owner = record.owner;
  outlived.pins = std::move(record.pins);
  return outlived;
}

error_code write_node_record(const std::string& run_dir, const NetworkNamespace& node,
                             const NodeRecord& record) {
  const std::string path = node_record_path(run_dir, node);
  if (record.is_empty()) {
    return ::unlink(path.c_str()) == 0 || errno == ENOENT ? error_code() : last_error();
  }
  const std::string beside = path + ".new";
  UniqueFd file(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return last_error();
  // On the disk or not: what it lists does not outlive a loss of power either.
  const auto error = write_all(file.get(), json::serialize(encode(node, record)) + '\n');
  if (error || std::rename(beside.c_str(), path.c_str()) != 0) {
    const auto why = error ? error : last_error();
    ::unlink(beside.c_str());
    return why;
  }
  return {};
}

}  // namespace wherry::steer
