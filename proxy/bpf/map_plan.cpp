#include "proxy/bpf/map_plan.h"

#include "base/assert.h"

#include <iterator>
#include <utility>

namespace wherry::bpf {
namespace {

static_assert(static_cast<int>(balancer::ClientKind::Outside) == LB_OUTSIDE);
static_assert(static_cast<int>(balancer::ClientKind::Node) == LB_NODE);
static_assert(static_cast<int>(balancer::ClientKind::Pod) == LB_POD);

// The order of steps. Whoever stands in a later stage of putting points to the earlier ones.
constexpr int kPutPointedAt = 0;  // what clients are, source lists; the node's own addresses, which
                                  // stay the host's when they become a Service's
constexpr int kPutPorts = 1;
constexpr int kPutVips = 2;  // from here on it counts
constexpr int kScopes = 3;   // a Service's address is known before free ones are dropped
constexpr int kRemovePorts = 4;
constexpr int kRemovePointedAt = 5;
constexpr int kStages = 6;

std::uint8_t flags_of(Protocol protocol) { return protocol == Protocol::UDP ? LB_UDP : 0; }

std::uint8_t verdicts_of(const Steered& steered) {
  unsigned bits = 0;
  for (std::size_t kind = 0; kind < steered.by_client.size(); ++kind) {
    unsigned verdict = LB_FORWARD;
    if (steered.by_client[kind] == balancer::Verdict::Reject) verdict = LB_REJECT;
    if (steered.by_client[kind] == balancer::Verdict::Drop) verdict = LB_DROP;
    bits |= verdict << (kind * LB_VERDICT_BITS);
  }
  return static_cast<std::uint8_t>(bits);
}

std::string key_of(const Destination& destination) {
  return bytes_of(to_lb(destination.ip.value_or(IpAddress::any(destination.family))));
}

std::string port_key(std::string_view address, std::uint16_t port, std::uint8_t flags) {
  lb_port_key key{};
  key.address = from_bytes<lb_address>(address);
  key.port = port;
  key.flags = flags;
  return bytes_of(key);
}

std::string number(std::uint32_t value) { return bytes_of(value); }

/// What can't be wanted, whatever else is.
std::optional<std::string> fault_of(const Destination& destination) {
  if (destination.protocol == Protocol::SCTP) return "SCTP can't be steered: use TCP or UDP";
  if (destination.port == 0) return "port 0 can't be asked for: name a port from 1 to 65535";
  if (destination.last_port < destination.port) {
    return "the range's last port is below its first: swap them";
  }
  if (destination.ip && destination.ip->family() != destination.family) {
    return "the address is not of the family " + std::string(to_string(destination.family));
  }
  if (destination.ip && (destination.ip->is_unspecified() || destination.ip->is_multicast())) {
    return "no client can ask for this address: name one that is routed to the node";
  }
  return std::nullopt;
}

std::string ranges_key(std::string_view address, bool second) {
  lb_ranges_key key{};
  key.address = from_bytes<lb_address>(address);
  key.second = second ? 1 : 0;
  return bytes_of(key);
}

}  // namespace

constexpr MapPlan::Ports MapPlan::kShortestRange{1, 0, 0};

MapPlan::Ports MapPlan::ports_of(const Destination& destination) {
  return {static_cast<std::uint16_t>(destination.last_port - destination.port), destination.port,
          flags_of(destination.protocol)};
}

struct MapPlan::Stages {
  std::array<std::vector<MapStep>, kStages> steps;
};

MapPlan::MapPlan(MapImage in_kernel) : image_(std::move(in_kernel)) {
  std::map<SourceLists::Id, SourceLists::Blocks> left;
  for (const auto& [key, value] : image_[MapId::Sources]) {
    const auto prefix = from_bytes<lb_prefix>(key);
    if (const auto block = block_of(prefix)) {
      left[prefix.list & ~static_cast<std::uint32_t>(LB_LIST_IPV6)].insert({*block});
    }
  }
  for (const auto& [id, blocks] : left) lists_.adopt(id, blocks);
  touch_everything();
}

void MapPlan::touch_everything() {
  for (const MapId map : {MapId::Vips, MapId::Ports, MapId::Ranges}) {
    for (const auto& [key, value] : image_[map]) touch(map, key);
  }
}

void MapPlan::touch(MapId map, const std::string& key) {
  std::set<Port>& ports = touched_[key.substr(0, sizeof(lb_address))];
  if (map != MapId::Ports) return;
  const auto port = from_bytes<lb_port_key>(key);
  ports.emplace(port.port, port.flags);
}

MapPlan::Plan MapPlan::plan(const SteerChange& change) {
  if (change.scope) {
    scope_touched_ = scope_touched_ || scope_ != change.scope;
    scope_ = change.scope;
  }
  WHERRY_ASSERT(scope_);  // without it the node's own addresses could be taken for a Service's

  Plan plan;
  for (const Destination& each : change.erase) erase(each);
  for (const auto& [destination, steered] : change.set) {
    auto fault = fault_of(destination);
    if (!fault) fault = too_many_ranges(destination);
    if (fault) {
      plan.refused.push_back({destination, std::move(*fault)});
    } else {
      set(destination, steered);
    }
  }

  Stages stages;
  if (std::exchange(scope_touched_, false)) plan_scope(stages);
  for (const auto& [address, ports] : std::exchange(touched_, {})) {
    plan_address(address, ports, stages);
  }
  plan_lists(stages);
  for (std::vector<MapStep>& steps : stages.steps) {
    std::move(steps.begin(), steps.end(), std::back_inserter(plan.steps));
  }
  return plan;
}

std::optional<std::string> MapPlan::too_many_ranges(const Destination& destination) const {
  const auto known = wanted_.find(key_of(destination));
  if (!destination.is_range() || known == wanted_.end()) return std::nullopt;
  const auto count = std::distance(known->second.lower_bound(kShortestRange), known->second.end());
  if (count < LB_RANGES_PER_ADDRESS || known->second.contains(ports_of(destination))) {
    return std::nullopt;
  }
  return "an address has at most " + std::to_string(LB_RANGES_PER_ADDRESS) +
         " port ranges: join some, or use another address";
}

void MapPlan::set(const Destination& destination, const Steered& steered) {
  const AddressKey address = key_of(destination);
  Target target;
  target.verdicts = verdicts_of(steered);
  if (steered.sources) {
    target.sources = lists_.acquire(*steered.sources);
    touched_lists_.insert(target.sources);
  }
  const Ports ports = ports_of(destination);
  const auto [entry, is_new] = wanted_[address].try_emplace(ports, target);
  if (is_new) {
    ++size_;
  } else {
    const Target old = std::exchange(entry->second, target);
    if (old.sources != 0) lists_.release(old.sources);
    if (old.sources == target.sources && old.verdicts == target.verdicts) return;
  }
  touch(address, ports);
}

void MapPlan::erase(const Destination& destination) {
  const auto known = wanted_.find(key_of(destination));
  if (known == wanted_.end() || fault_of(destination)) return;
  const Ports ports = ports_of(destination);
  const auto entry = known->second.find(ports);
  if (entry == known->second.end()) return;
  if (entry->second.sources != 0) lists_.release(entry->second.sources);
  touch(known->first, ports);
  known->second.erase(entry);
  if (known->second.empty()) wanted_.erase(known);
  --size_;
}

void MapPlan::touch(const AddressKey& address, const Ports& ports) {
  std::set<Port>& touched = touched_[address];
  if (ports.length == 0) touched.emplace(ports.first, ports.flags);
}

void MapPlan::put(Stages& stages, int stage, MapId map, std::string key, std::string value) const {
  const auto there = image_[map].find(key);
  if (there != image_[map].end() && there->second == value) return;
  stages.steps[static_cast<std::size_t>(stage)].push_back({map, std::move(key), std::move(value)});
}

void MapPlan::remove(Stages& stages, int stage, MapId map, const std::string& key) const {
  if (!image_[map].contains(key)) return;
  stages.steps[static_cast<std::size_t>(stage)].push_back({map, key, std::nullopt});
}

void MapPlan::plan_address(const AddressKey& address, const std::set<Port>& touched,
                           Stages& stages) const {
  static const Targets nothing;
  const auto found = wanted_.find(address);
  const Targets& wanted = found == wanted_.end() ? nothing : found->second;
  const auto first_range = wanted.lower_bound(kShortestRange);

  // The first ports stand in the slots. What is there now may have to move between both places.
  lb_vip vip{};
  std::set<Port> in_slots;
  std::set<Port> moving = touched;
  auto at = wanted.begin();
  for (std::size_t slot = 0; slot < LB_SLOTS && at != first_range; ++slot, ++at) {
    const auto& [ports, target] = *at;
    vip.slots[slot] = {target.sources, ports.first, target.verdicts, ports.flags};
    in_slots.emplace(ports.first, ports.flags);
  }
  if (at != first_range) vip.slots[0].flags |= LB_MORE_PORTS;
  vip.slots[0].flags |= plan_ranges(address, Targets(first_range, wanted.end()), stages);
  moving.insert(in_slots.begin(), in_slots.end());
  const auto there = image_[MapId::Vips].find(address);
  if (there != image_[MapId::Vips].end()) {
    for (const lb_slot& slot : from_bytes<lb_vip>(there->second).slots) {
      if (slot.port != 0) moving.emplace(slot.port, static_cast<std::uint8_t>(slot.flags & LB_UDP));
    }
  }

  for (const Port& port : moving) {
    const auto target = wanted.find({0, port.first, port.second});
    std::string key = port_key(address, port.first, port.second);
    if (target == wanted.end() || in_slots.contains(port)) {
      remove(stages, kRemovePorts, MapId::Ports, key);
    } else {
      put(stages, kPutPorts, MapId::Ports, std::move(key),
          bytes_of(lb_target{target->second.sources, target->second.verdicts, {}}));
    }
  }
  if (wanted.empty()) {
    remove(stages, kPutVips, MapId::Vips, address);
  } else {
    put(stages, kPutVips, MapId::Vips, address, bytes_of(vip));
  }
}

std::uint8_t MapPlan::plan_ranges(const AddressKey& address, const Targets& ranges,
                                  Stages& stages) const {
  const auto vip = image_[MapId::Vips].find(address);
  const std::uint8_t flags =
      vip == image_[MapId::Vips].end() ? 0 : from_bytes<lb_vip>(vip->second).slots[0].flags;
  bool second = (flags & LB_SECOND_RANGES) != 0;
  if (ranges.empty()) {
    remove(stages, kRemovePorts, MapId::Ranges, ranges_key(address, false));
    remove(stages, kRemovePorts, MapId::Ranges, ranges_key(address, true));
    return 0;
  }
  lb_ranges wanted{};
  std::size_t count = 0;
  for (const auto& [ports, target] : ranges) {
    wanted.range[count++] = {
        target.sources,  ports.first, static_cast<std::uint16_t>(ports.first + ports.length),
        target.verdicts, ports.flags, 0};
  }
  const std::string bytes = bytes_of(wanted);
  const auto there = image_[MapId::Ranges].find(ranges_key(address, second));
  const bool is_pointed_to = (flags & LB_RANGES) != 0;
  if (is_pointed_to && (there == image_[MapId::Ranges].end() || there->second != bytes)) {
    second = !second;
  }
  put(stages, kPutPorts, MapId::Ranges, ranges_key(address, second), bytes);
  remove(stages, kRemovePorts, MapId::Ranges, ranges_key(address, !second));
  return static_cast<std::uint8_t>(LB_RANGES | (second ? LB_SECOND_RANGES : 0));
}

void MapPlan::plan_scope(Stages& stages) const {
  std::map<std::string, std::uint32_t> addresses;
  for (const IpAddress& ip : scope_->node_addresses) {
    addresses[bytes_of(to_lb(ip))] |= LB_NODE_ADDRESS;
  }
  for (const IpAddress& ip : scope_->node_port_addresses) {
    addresses[bytes_of(to_lb(ip))] |= LB_NODE_PORT_ADDRESS;
  }
  std::set<std::string> interfaces;
  for (const unsigned index : scope_->pod_interfaces) interfaces.insert(number(index));
  std::set<std::string> blocks;
  for (const Cidr& block : scope_->pod_cidrs) {
    blocks.insert(bytes_of(to_lb(block, LB_POD_CIDRS)));
  }
  for (const Cidr& block : scope_->service_cidrs) {
    blocks.insert(bytes_of(to_lb(block, LB_SERVICE_CIDRS)));
  }

  const auto is_service_cidr = [](const std::string& key) {
    return (from_bytes<lb_prefix>(key).list & LB_SERVICE_CIDRS) != 0;
  };
  for (const auto& [key, value] : addresses) {
    put(stages, kPutPointedAt, MapId::Addresses, key, number(value));
  }
  for (const auto& key : interfaces) {
    put(stages, kPutPointedAt, MapId::Interfaces, key, number(1));
  }
  for (const auto& key : blocks) {
    put(stages, is_service_cidr(key) ? kScopes : kPutPointedAt, MapId::Scopes, key, number(1));
  }
  for (const auto& [key, value] : image_[MapId::Addresses]) {
    if (!addresses.contains(key)) remove(stages, kRemovePointedAt, MapId::Addresses, key);
  }
  for (const auto& [key, value] : image_[MapId::Interfaces]) {
    if (!interfaces.contains(key)) remove(stages, kRemovePointedAt, MapId::Interfaces, key);
  }
  for (const auto& [key, value] : image_[MapId::Scopes]) {
    if (!blocks.contains(key)) {
      remove(stages, is_service_cidr(key) ? kScopes : kRemovePointedAt, MapId::Scopes, key);
    }
  }
}

void MapPlan::plan_lists(Stages& stages) {
  for (const SourceLists::Id id : std::exchange(touched_lists_, {})) {
    if (!lists_.is_used(id)) continue;
    for (const SourceLists::Block& block : *lists_.blocks(id)) {
      put(stages, kPutPointedAt, MapId::Sources, bytes_of(to_lb(block.cidr, id)), number(1));
    }
  }
  for (const SourceLists::Id id : std::set(lists_.unused())) {
    bool is_there = false;
    for (const SourceLists::Block& block : *lists_.blocks(id)) {
      const std::string key = bytes_of(to_lb(block.cidr, id));
      is_there = is_there || image_[MapId::Sources].contains(key);
      remove(stages, kRemovePointedAt, MapId::Sources, key);
    }
    if (!is_there) lists_.forget(id);
  }
}

void MapPlan::done(const MapStep& step) {
  if (step.value) {
    image_[step.map].insert_or_assign(step.key, *step.value);
  } else {
    image_[step.map].erase(step.key);
  }
}

void MapPlan::failed(const MapStep& step) {
  switch (step.map) {
    case MapId::Vips:
    case MapId::Ports:
    case MapId::Ranges:
      touch(step.map, step.key);
      break;
    case MapId::Addresses:
    case MapId::Interfaces:
    case MapId::Scopes:
      scope_touched_ = true;
      break;
    case MapId::Sources:
      touched_lists_.insert(from_bytes<lb_prefix>(step.key).list &
                            ~static_cast<std::uint32_t>(LB_LIST_IPV6));
      break;
  }
}

}  // namespace wherry::bpf
