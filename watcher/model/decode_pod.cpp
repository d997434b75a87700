#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"
#include "watcher/model/names.h"

#include <set>
#include <tuple>

namespace wherry::model {
namespace {

constexpr std::array<std::pair<std::string_view, PodPhase>, 5> kPhases = {
    {{"Pending", PodPhase::Pending},
     {"Running", PodPhase::Running},
     {"Succeeded", PodPhase::Succeeded},
     {"Failed", PodPhase::Failed},
     {"Unknown", PodPhase::Unknown}}};

void decode_container_ports(const FieldReader& container, Pod& pod) {
  std::set<std::string> names;
  container.each("ports", [&](const FieldReader& field) {
    if (!field.expect_object()) return;
    NamedPort port;
    port.name = field.string("name");
    port.protocol = decode_protocol(field.at("protocol"));
    if (!field.at("containerPort").present()) {
      field.fault("containerPort", "missing; write a port from 1 to 65535");
    }
    port.port = decode_port(field.at("containerPort")).value_or(0);
    std::ignore = decode_port(field.at("hostPort"), 0);
    if (port.name.empty()) return;
    if (!is_port_name(port.name)) {
      field.fault("name", '"' + port.name +
                              "\" is no port name; write at most 15 lower-case letters, digits "
                              "and '-' with a letter in it");
    } else if (!names.insert(port.name).second) {
      field.fault("name", '"' + port.name +
                              "\" names another port of this container already; give each port a "
                              "name of its own");
    }
    pod.named_ports.push_back(std::move(port));
  });
}

void decode_addresses(const FieldReader& status, Pod& pod) {
  status.each("podIPs", [&pod](const FieldReader& field) {
    if (!field.expect_object()) return;
    if (const auto address = decode_machine_ip(field.at("ip"))) pod.ips.push_back(*address);
  });
  const FieldReader single = status.at("podIP");
  if (!is_filled(single)) return;
  if (const auto address = decode_machine_ip(single); address && pod.ips.empty()) {
    pod.ips.push_back(*address);
  }
}

}  // namespace

Pod decode_pod(const FieldReader& object) {
  Pod pod;
  pod.meta = decode_meta(object);
  const FieldReader spec = object.object("spec");
  pod.node = spec.string("nodeName");
  spec.each("containers", [&pod](const FieldReader& container) {
    if (container.expect_object()) decode_container_ports(container, pod);
  });
  spec.each("initContainers", [&pod](const FieldReader& container) {
    if (!container.expect_object()) return;
    // Only those that go on running beside the others have ports to offer (T4).
    Pod none;
    const bool goes_on = container.string("restartPolicy") == "Always";
    decode_container_ports(container, goes_on ? pod : none);
  });

  const FieldReader status = object.object("status");
  pod.phase = decode_word(status.at("phase"), kPhases);
  status.each("conditions", [&pod](const FieldReader& condition) {
    if (!condition.expect_object()) return;
    const std::string type = condition.string("type");
    const std::string value = condition.string("status");
    if (type == "Ready") pod.ready = value == "True";
  });
  decode_addresses(status, pod);
  return pod;
}

}  // namespace wherry::model
