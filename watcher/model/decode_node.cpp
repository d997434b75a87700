#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"

namespace wherry::model {
namespace {

void decode_cidr(const FieldReader& field, std::vector<Cidr>& into) {
  const auto text = field.as_string();
  if (!text || text->empty()) return;
  if (const auto block = Cidr::parse(*text)) {
    into.push_back(*block);
  } else {
    field.fault('"' + *text + "\" is no CIDR; write address/length, for example 10.0.0.0/24");
  }
}

/// The addresses of one type, in the order of the list; names, which are addresses too, are none
/// here.
void decode_addresses(const FieldReader& status, std::string_view type, Node& node) {
  status.each("addresses", [&](const FieldReader& field) {
    if (!field.expect_object() || field.string("type") != type) return;
    if (const auto address = decode_ip(field.at("address"))) node.addresses.push_back(*address);
  });
}

}  // namespace

Node decode_node(const FieldReader& object) {
  Node node;
  node.meta = decode_meta(object);
  node.meta.key.name_space.clear();
  keep_labels(node.meta, {kZoneLabel});
  const FieldReader spec = object.object("spec");
  spec.each("podCIDRs", [&node](const FieldReader& field) { decode_cidr(field, node.pod_cidrs); });
  if (node.pod_cidrs.empty()) decode_cidr(spec.at("podCIDR"), node.pod_cidrs);
  spec.each("taints", [&node](const FieldReader& field) {
    if (field.expect_object()) node.taints.push_back(field.string("key"));
  });
  const FieldReader status = object.object("status");
  decode_addresses(status, "InternalIP", node);
  decode_addresses(status, "ExternalIP", node);
  return node;
}

}  // namespace wherry::model
