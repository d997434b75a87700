#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"
#include "watcher/model/timestamp.h"

#include <algorithm>
#include <utility>

namespace wherry::model {
namespace {

/// Annotations can be large (the last applied configuration is the whole object once more), so
/// only those that somebody reads are kept.
bool is_read(std::string_view annotation, std::initializer_list<std::string_view> also_read) {
  return annotation.starts_with("wherry.io/") ||
         std::find(also_read.begin(), also_read.end(), annotation) != also_read.end();
}

std::optional<WallTime> decode_time(const FieldReader& field) {
  const auto text = field.as_string();
  if (!text) return std::nullopt;
  const auto time = parse_timestamp(*text);
  if (!time) field.fault('"' + *text + "\" is no time; write one such as 2026-11-23T10:00:00Z");
  return time;
}

}  // namespace

Kind TypeMeta::classify() const {
  if (api_version == "v1") {
    if (kind == "Service") return Kind::Service;
    if (kind == "Pod") return Kind::Pod;
    if (kind == "Node") return Kind::Node;
    if (kind == "Endpoints") return Kind::Endpoints;
    if (kind == "List") return Kind::List;
  }
  if (api_version == "discovery.k8s.io/v1" && kind == "EndpointSlice") return Kind::EndpointSlice;
  if (api_version == "networking.k8s.io/v1" && kind == "ServiceCIDR") return Kind::ServiceCidr;
  return Kind::Other;
}

TypeMeta decode_type(const FieldReader& object) {
  TypeMeta type;
  for (const auto& [key, into] :
       {std::pair("apiVersion", &type.api_version), std::pair("kind", &type.kind)}) {
    const FieldReader field = object.at(key);
    *into = field.as_string().value_or("");
    if (!field.present() || (field.value()->is_string() && into->empty())) {
      object.fault(std::string("is no Kubernetes object: it has no ") + key);
    }
  }
  return type;
}

ObjectMeta decode_meta(const FieldReader& object,
                       std::initializer_list<std::string_view> also_read) {
  const FieldReader metadata = object.object("metadata");
  ObjectMeta meta;
  meta.key.name = metadata.string("name");
  meta.key.name_space = metadata.string("namespace");
  if (meta.key.name_space.empty()) meta.key.name_space = "default";
  meta.uid = metadata.string("uid");
  for (auto& [key, value] : metadata.string_map("labels")) meta.labels.emplace(key, value);
  for (auto& [key, value] : metadata.string_map("annotations")) {
    if (is_read(key, also_read)) meta.annotations.emplace(key, value);
  }
  meta.created = decode_time(metadata.at("creationTimestamp"));
  meta.deleting = decode_time(metadata.at("deletionTimestamp")).has_value();
  return meta;
}

void keep_labels(ObjectMeta& meta, std::initializer_list<std::string_view> read) {
  Labels kept;
  for (auto& [key, value] : meta.labels) {
    if (std::find(read.begin(), read.end(), key) != read.end()) kept.emplace(key, std::move(value));
  }
  meta.labels = std::move(kept);
}

bool is_filled(const FieldReader& field) {
  if (!field.present()) return false;
  const auto* text = field.value()->if_string();
  return text == nullptr || !text->empty();
}

std::optional<IpAddress> decode_ip(const FieldReader& field) {
  const auto text = field.as_string();
  if (!text) return std::nullopt;
  const auto address = IpAddress::parse(*text);
  if (!address) {
    field.fault('"' + *text + "\" is no IP address; write one such as 10.0.0.1 or fd00::1");
  }
  return address;
}

std::optional<IpAddress> decode_machine_ip(const FieldReader& field) {
  const auto address = decode_ip(field);
  if (!address || (!address->is_unspecified() && !address->is_multicast())) return address;
  field.fault(address->to_string() +
              " is the address of no endpoint; write one that a machine can have");
  return std::nullopt;
}

std::optional<std::uint16_t> decode_port(const FieldReader& field, int least) {
  const auto number = field.as_integer();
  if (!number) return std::nullopt;
  if (*number < least || *number > 65535) {
    field.fault(std::to_string(*number) + " is no port; a port is " + std::to_string(least) +
                " to 65535");
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*number);
}

Protocol decode_protocol(const FieldReader& field) {
  constexpr std::array<std::pair<std::string_view, Protocol>, 3> kWords = {
      {{"TCP", Protocol::TCP}, {"UDP", Protocol::UDP}, {"SCTP", Protocol::SCTP}}};
  return decode_word(field, kWords);
}

}  // namespace wherry::model
