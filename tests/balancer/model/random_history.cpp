#include "tests/balancer/model/random_history.h"

#include "tests/balancer/model/dice.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace wherry::balancer {
namespace {

namespace json = boost::json;

json::value text(std::string_view value) { return json::string(value); }

/// "" stands for "absent".
void set(json::object& object, std::string_view key, std::string_view value) {
  if (value.empty()) {
    object.erase(key);
  } else {
    object.insert_or_assign(key, text(value));
  }
}

void set_list(json::object& object, std::string_view key, json::array list) {
  if (list.empty()) {
    object.erase(key);
  } else {
    object.insert_or_assign(key, std::move(list));
  }
}

/// Draws what Services say, part by part, so that a change can be of one part.
class ServiceDrawer {
 public:
  explicit ServiceDrawer(Dice& dice) : dice_(dice) {}

  json::object draw(int number) {
    json::object service{{"apiVersion", "v1"},
                         {"kind", "Service"},
                         {"metadata",
                          {{"name", text("s" + std::to_string(number))},
                           {"namespace", dice_.one_in(6) ? "b" : "a"}}},
                         {"spec", json::object()}};
    for (int part = 0; part < kParts; ++part) draw_part(service, part, number);
    return service;
  }

  void change(json::object& service) {
    const std::string name = text_at(service, {"metadata", "name"});
    draw_part(service, dice_.below(kParts), name.back() - '0');
  }

 private:
  static constexpr int kParts = 7;

  void draw_part(json::object& service, int part, int number) {
    json::object& spec = service["spec"].as_object();
    switch (part) {
      case 0:
        draw_type(spec);
        break;
      case 1:
        draw_addresses(spec, number);
        break;
      case 2:
        draw_ports(spec, number);
        break;
      case 3:
        draw_ways_in(service, spec);
        break;
      case 4:
        draw_policies(spec);
        break;
      case 5:
        draw_source_ranges(spec);
        break;
      default:
        draw_labels(service);
        draw_affinity(spec);
    }
  }

  void draw_type(json::object& spec) {
    set(spec, "type",
        dice_.pick({"", "ClusterIP", "NodePort", "NodePort", "LoadBalancer", "LoadBalancer",
                    "LoadBalancer", dice_.one_in(2) ? "ExternalName" : "ClusterIP"}));
    if (dice_.one_in(4)) {
      set(spec, "externalName", "example.com");
    } else {
      spec.erase("externalName");
    }
  }

  void draw_addresses(json::object& spec, int number) {
    const std::string v4 = "10.96.0." + std::to_string(number + 1);
    const std::string v6 = "fd00:96::" + std::to_string(number + 1);
    json::array ips;
    switch (dice_.below(10)) {
      case 0:
        ips = json::array{text("None")};
        break;
      case 1:
        break;
      case 2:
      case 3:
        ips = json::array{text(v6)};
        break;
      case 4:
      case 5:
        ips = json::array{text(v4), text(v6)};
        break;
      case 6:
        ips = json::array{text(v6), text(v4)};
        break;
      default:
        ips = json::array{text(v4)};
    }
    json::array families;
    for (const json::value& ip : ips) {
      const bool is_v6 = ip.get_string().find(':') != json::string::npos;
      if (ip != "None") families.emplace_back(is_v6 ? "IPv6" : "IPv4");
    }
    // Without clusterIP (manifests): the families alone, or nothing.
    if (ips.empty() && dice_.one_in(2)) families = json::array{"IPv6"};
    if (ips.empty() && dice_.one_in(4)) families = json::array{"IPv6", "IPv4"};
    // Old objects have one address and no families.
    if (ips.size() == 1 && dice_.one_in(5)) families.clear();
    set(spec, "clusterIP", ips.empty() ? "" : std::string_view(ips.front().get_string()));
    if (ips.size() == 1 && families.empty() && dice_.one_in(2)) ips.clear();
    set_list(spec, "clusterIPs", std::move(ips));
    set_list(spec, "ipFamilies", std::move(families));
  }

  json::object port(std::string_view name, int number, std::string_view protocol, int node_port) {
    json::object port{{"port", number}};
    set(port, "name", name);
    set(port, "protocol", protocol);
    if (dice_.below(3) != 0) port["nodePort"] = node_port;
    return port;
  }

  void draw_ports(json::object& spec, int number) {
    const int node_port = 30000 + number;
    json::array ports;
    if (dice_.one_in(5)) {
      ports.emplace_back(port("", 80, dice_.pick({"", "TCP", "UDP"}), node_port));
    } else {
      if (dice_.below(5) != 0) {
        ports.emplace_back(port("http", dice_.pick({80, 81}), dice_.pick({"", "TCP"}), node_port));
      }
      // One number for both protocols (S3, S7).
      if (dice_.one_in(2)) ports.emplace_back(port("dns", 53, "UDP", node_port + 10));
      if (dice_.one_in(3)) ports.emplace_back(port("dns-tcp", 53, "TCP", node_port + 10));
      if (dice_.one_in(10)) ports.emplace_back(port("sctp", 90, "SCTP", node_port));
      if (ports.empty()) ports.emplace_back(port("http", 80, "TCP", node_port));
      dice_.shuffle(ports);
    }
    spec["ports"] = std::move(ports);
  }

  /// External addresses and what a load balancer's controller reports.
  void draw_ways_in(json::object& service, json::object& spec) {
    json::array ips;
    if (dice_.one_in(4)) ips.emplace_back("192.0.2.1");
    if (dice_.one_in(4)) ips.emplace_back("2001:db8::1");
    if (!ips.empty() && dice_.one_in(4)) ips.emplace_back("192.0.2.02");
    if (!ips.empty() && dice_.one_in(6)) ips.emplace_back(dice_.pick({"bogus", "", " "}));
    dice_.shuffle(ips);
    set_list(spec, "externalIPs", std::move(ips));

    json::array ingress;
    for (const char* ip : {"192.0.2.100", "192.0.2.101", "2001:db8::100"}) {
      if (dice_.below(3) != 0) continue;
      json::object each{{"ip", text(ip)}};
      set(each, "ipMode", dice_.pick({"", "VIP", "VIP", "Proxy"}));
      ingress.emplace_back(std::move(each));
    }
    if (dice_.one_in(8)) ingress.emplace_back(json::object{{"hostname", "lb.example.com"}});
    if (ingress.empty()) {
      service.erase("status");
    } else {
      service["status"] = {{"loadBalancer", {{"ingress", std::move(ingress)}}}};
    }
  }

  void draw_policies(json::object& spec) {
    set(spec, "internalTrafficPolicy", dice_.pick({"", "Cluster", "Local", "Local"}));
    set(spec, "externalTrafficPolicy", dice_.pick({"", "Cluster", "Local", "Local"}));
    if (dice_.one_in(2)) {
      spec["healthCheckNodePort"] = 32000;
    } else {
      spec.erase("healthCheckNodePort");
    }
    set(spec, "trafficDistribution", dice_.pick({"", "", "PreferClose", "PreferSameNode"}));
    if (dice_.one_in(4)) {
      spec["publishNotReadyAddresses"] = true;
    } else {
      spec.erase("publishNotReadyAddresses");
    }
  }

  void draw_source_ranges(json::object& spec) {
    json::array ranges;
    if (dice_.one_in(2)) {
      for (const char* range :
           {"203.0.113.0/25", " 203.0.113.192/26 ", "10.1.0.0/16", "172.18.0.0/16",
            "2001:db8:5::/48", "fd00:10::/32", "fd00:18::/64"}) {
        if (dice_.one_in(5)) ranges.emplace_back(text(range));
      }
      if (dice_.one_in(12)) ranges.emplace_back("0.0.0.0/0");
      if (dice_.one_in(12)) ranges.emplace_back(" ::/0");
      if (dice_.one_in(20)) ranges.emplace_back(dice_.pick({"", "203.0.113.0"}));
      dice_.shuffle(ranges);
    }
    set_list(spec, "loadBalancerSourceRanges", std::move(ranges));
  }

  void draw_labels(json::object& service) {
    json::object& metadata = service["metadata"].as_object();
    json::object labels{{"app", "x"}};
    if (dice_.one_in(8)) {
      labels["service.kubernetes.io/service-proxy-name"] =
          text(dice_.pick({"", "other", "wherry"}));
    }
    // Means something on slices only (W2).
    if (dice_.one_in(10)) labels["service.kubernetes.io/headless"] = "";
    metadata["labels"] = std::move(labels);
  }

  void draw_affinity(json::object& spec) {
    set(spec, "sessionAffinity", dice_.pick({"", "None", "ClientIP"}));
    spec.erase("sessionAffinityConfig");
    if (dice_.one_in(2)) {
      spec["sessionAffinityConfig"] = {{"clientIP", {{"timeoutSeconds", dice_.pick({1, 86400})}}}};
    }
  }

  Dice& dice_;
};

/// Draws what EndpointSlices say.
class SliceDrawer {
 public:
  explicit SliceDrawer(Dice& dice, int services) : dice_(dice), services_(services) {}

  json::object draw(int number) {
    json::object slice{{"apiVersion", "discovery.k8s.io/v1"},
                       {"kind", "EndpointSlice"},
                       {"metadata",
                        {{"name", text("slice-" + std::to_string(number))},
                         {"namespace", dice_.one_in(8) ? "b" : "a"}}}};
    const int type = dice_.below(12);
    slice["addressType"] = type == 0 ? "FQDN" : type < 4 ? "IPv6" : "IPv4";
    draw_labels(slice);
    draw_ports(slice);
    draw_endpoints(slice);
    return slice;
  }

  void change(json::object& slice) {
    json::array& endpoints = slice["endpoints"].as_array();
    switch (dice_.below(12)) {
      case 0:
        draw_labels(slice);
        break;
      case 1:
      case 2:
        draw_ports(slice);
        break;
      case 3:
        draw_endpoints(slice);
        break;
      case 4:
        dice_.shuffle(endpoints);
        break;
      case 5:
        if (!endpoints.empty()) endpoints.erase(endpoints.begin());
        break;
      case 6:
        endpoints.emplace_back(draw_endpoint(slice));
        break;
      default:
        if (endpoints.empty()) break;
        draw_state(
            endpoints[static_cast<std::size_t>(dice_.below(static_cast<int>(endpoints.size())))]
                .as_object());
    }
  }

 private:
  void draw_labels(json::object& slice) {
    json::object labels;
    if (!dice_.one_in(15)) {
      labels["kubernetes.io/service-name"] = text("s" + std::to_string(dice_.below(services_)));
    }
    if (dice_.one_in(15)) labels["service.kubernetes.io/headless"] = text(dice_.pick({"", "x"}));
    slice["metadata"].as_object()["labels"] = std::move(labels);
  }

  void draw_ports(json::object& slice) {
    json::array ports;
    const auto add = [&](std::string_view name, std::string_view protocol, int number) {
      json::object port;
      set(port, "name", name);
      set(port, "protocol", protocol);
      // T2: a port without number, or 0, is for nobody.
      if (!dice_.one_in(20)) port["port"] = dice_.one_in(20) ? 0 : number;
      if (name.empty() && dice_.one_in(2)) port["name"] = "";
      ports.emplace_back(std::move(port));
    };
    if (dice_.below(5) != 0) add("http", dice_.pick({"", "TCP"}), dice_.pick({8080, 8081}));
    if (dice_.one_in(2)) add("dns", "UDP", dice_.pick({53, 5353}));
    if (dice_.one_in(3)) add("dns-tcp", "TCP", 53);
    if (dice_.one_in(3)) add("", dice_.pick({"", "UDP"}), 8080);
    if (dice_.one_in(8)) add("sctp", "SCTP", 90);
    if (dice_.one_in(8)) add("http", "UDP", 8080);
    dice_.shuffle(ports);
    slice["ports"] = std::move(ports);
  }

  void draw_endpoints(json::object& slice) {
    // The controller writes hints for all endpoints or none: rules turn on what all have.
    hints_ = dice_.below(4);
    json::array endpoints;
    for (int count = dice_.below(7); count > 0; --count) {
      endpoints.emplace_back(draw_endpoint(slice));
    }
    slice["endpoints"] = std::move(endpoints);
  }

  json::object draw_endpoint(const json::object& slice) {
    const std::string_view type = slice.at("addressType").get_string();
    const std::string number = std::to_string(1 + dice_.below(5));
    std::string address = "host-" + number + ".example.com";
    if (type == "IPv4") address = (dice_.one_in(10) ? "010.1.0.0" : "10.1.0.") + number;
    if (type == "IPv6") address = (dice_.one_in(10) ? "FD00:10:0::0" : "fd00:10::") + number;
    json::array addresses = {text(address)};
    if (dice_.one_in(20)) addresses.emplace_back(type == "IPv6" ? "fd00:10::99" : "10.1.0.99");
    if (dice_.one_in(40)) addresses.clear();
    json::object endpoint{{"addresses", std::move(addresses)}};
    draw_state(endpoint);
    return endpoint;
  }

  void draw_state(json::object& endpoint) {
    json::object conditions;
    const auto maybe = [&](std::string_view key, int likely_true, int of) {
      const int what = dice_.below(of + 1);
      if (what < of) conditions.insert_or_assign(key, what < likely_true);
    };
    switch (dice_.below(8)) {
      case 0:  // terminating, perhaps still serving
        conditions["ready"] = dice_.one_in(8);
        maybe("serving", 3, 4);
        conditions["terminating"] = true;
        break;
      case 1:
        conditions["ready"] = false;
        maybe("serving", 1, 3);
        maybe("terminating", 1, 3);
        break;
      case 2:
        break;
      default:
        maybe("ready", 5, 6);
        maybe("serving", 5, 6);
        maybe("terminating", 1, 8);
    }
    if (conditions.empty() && dice_.one_in(2)) {
      endpoint.erase("conditions");
    } else {
      endpoint["conditions"] = std::move(conditions);
    }
    set(endpoint, "nodeName", dice_.pick({"", "node-1", "node-1", "node-2", "node-3"}));
    set(endpoint, "zone", dice_.pick({"", "zone-a", "zone-b"}));
    draw_hints(endpoint);
  }

  json::array names(std::string_view prefix, std::string_view last) {
    json::array list;
    for (char c = last == "3" ? '1' : 'a'; c <= last.front(); ++c) {
      if (dice_.one_in(2)) {
        list.emplace_back(json::object{{"name", text(std::string(prefix) + c)}});
      }
    }
    // An empty list counts as none, and one endpoint without hints is enough to ignore all.
    if (list.empty() && !dice_.one_in(8)) {
      list.emplace_back(json::object{{"name", text(std::string(prefix) + last.front())}});
    }
    return list;
  }

  void draw_hints(json::object& endpoint) {
    endpoint.erase("hints");
    const int kind = dice_.one_in(12) ? dice_.below(4) : hints_;
    json::object hints;
    if (kind == 1 || kind == 3) set_list(hints, "forZones", names("zone-", "b"));
    if (kind == 2 || kind == 3) set_list(hints, "forNodes", names("node-", "3"));
    if (!hints.empty() || dice_.one_in(20)) endpoint["hints"] = std::move(hints);
  }

  Dice& dice_;
  const int services_;
  int hints_ = 0;
};

class HistoryDrawer {
 public:
  explicit HistoryDrawer(std::uint64_t seed)
      : dice_(seed),
        service_count_(dice_.pick({1, 1, 2, 3})),
        services_(dice_),
        slices_(dice_, service_count_) {
    history_.seed = seed;
    history_.from_manifests = dice_.one_in(5);
    if (dice_.one_in(6)) history_.proxy_name = "wherry";
  }

  History draw() {
    if (dice_.one_in(2)) {
      begin_with_a_list();
    } else if (dice_.one_in(3)) {
      build();
    }
    for (int count = 3 + dice_.below(14); count > 0; --count) {
      happen();
      if (dice_.one_in(3)) build();
    }
    const bool is_built = !history_.events.empty() && history_.events.back().op == Event::Op::Build;
    if (!is_built) build();  // also where nothing happened at all
    return std::move(history_);
  }

 private:
  using Objects = std::map<model::ObjectKey, JsonObject>;

  void add(Event event) {
    world_.apply(event);
    history_.events.push_back(std::move(event));
  }
  void build() { add({}); }

  static JsonObject shared(json::object object) {
    return std::make_shared<const json::value>(std::move(object));
  }

  void upsert(std::string_view kind, JsonObject object) {
    add({Event::Op::Upsert, std::string(kind), {std::move(object)}});
  }

  void begin_with_a_list() {
    Event services{Event::Op::Replace, "Service", {}};
    for (int i = 0; i < service_count_; ++i) services.objects.push_back(shared(services_.draw(i)));
    Event slices{Event::Op::Replace, "EndpointSlice", {}};
    for (int i = dice_.below(6); i > 0; --i) slices.objects.push_back(shared(slices_.draw(i)));
    dice_.shuffle(services.objects);
    dice_.shuffle(slices.objects);
    const bool slices_first = dice_.one_in(2);
    add(slices_first ? slices : services);
    if (dice_.one_in(4)) build();
    add(slices_first ? std::move(services) : std::move(slices));
  }

  void happen() {
    const int what = dice_.below(100);
    if (what < 8) {
      draw_node();
    } else if (what < 35) {
      change_one("Service", world_.services);
    } else if (what < 80) {
      change_one("EndpointSlice", world_.slices);
    } else if (what < 84) {
      erase_one("Service", world_.services);
    } else if (what < 91) {
      erase_one("EndpointSlice", world_.slices);
    } else if (what < 95) {
      say_again();
    } else {
      relist(dice_.one_in(2) ? "Service" : "EndpointSlice");
    }
  }

  void draw_node() {
    json::object labels{{"kubernetes.io/hostname", text(history_.node)}};
    set(labels, "topology.kubernetes.io/zone", dice_.pick({"", "zone-a", "zone-b", "zone-b"}));
    json::array addresses;
    for (const std::string& ip : history_.node_ips) {
      addresses.emplace_back(json::object{{"type", "InternalIP"}, {"address", text(ip)}});
    }
    upsert("Node", shared({{"apiVersion", "v1"},
                           {"kind", "Node"},
                           {"metadata", {{"name", text(history_.node)}, {"labels", labels}}},
                           {"status", {{"addresses", std::move(addresses)}}}}));
  }

  const JsonObject& some(const Objects& objects) {
    return std::next(objects.begin(), dice_.below(static_cast<int>(objects.size())))->second;
  }

  void change_one(std::string_view kind, const Objects& objects) {
    const bool is_service = kind == "Service";
    if (objects.empty() || dice_.one_in(4)) {
      upsert(kind, shared(is_service ? services_.draw(dice_.below(service_count_))
                                     : slices_.draw(dice_.below(6))));
      return;
    }
    const JsonObject before = some(objects);
    json::object changed = before->get_object();
    if (is_service) {
      services_.change(changed);
    } else {
      slices_.change(changed);
    }
    upsert(kind, shared(std::move(changed)));
    if (!dice_.one_in(6)) return;
    // A change that is taken back is no change (R2).
    if (dice_.one_in(3)) build();
    upsert(kind, before);
  }

  void erase_one(std::string_view kind, const Objects& objects) {
    if (objects.empty()) return;
    const model::ObjectKey key = key_of(*some(objects));
    add({Event::Op::Erase,
         std::string(kind),
         {shared(
             {{"kind", text(kind)},
              {"metadata", {{"name", text(key.name)}, {"namespace", text(key.name_space)}}}})}});
  }

  void say_again() {
    const bool service = dice_.one_in(2);
    const Objects& objects = service ? world_.services : world_.slices;
    if (!objects.empty()) upsert(service ? "Service" : "EndpointSlice", some(objects));
  }

  /// What came and went meanwhile was not seen.
  void relist(std::string_view kind) {
    const bool is_service = kind == "Service";
    Objects objects = is_service ? world_.services : world_.slices;
    if (!objects.empty() && dice_.one_in(2)) objects.erase(key_of(*some(objects)));
    if (dice_.one_in(2)) {
      JsonObject fresh = shared(is_service ? services_.draw(dice_.below(service_count_))
                                           : slices_.draw(dice_.below(6)));
      objects.insert_or_assign(key_of(*fresh), fresh);
    }
    Event list{Event::Op::Replace, std::string(kind), {}};
    for (auto& [key, object] : objects) list.objects.push_back(object);
    dice_.shuffle(list.objects);
    add(std::move(list));
  }

  Dice dice_;
  const int service_count_;
  ServiceDrawer services_;
  SliceDrawer slices_;
  World world_;
  History history_;
};

}  // namespace

History random_history(std::uint64_t seed) { return HistoryDrawer(seed).draw(); }

}  // namespace wherry::balancer
