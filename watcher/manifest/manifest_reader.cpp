#include "watcher/manifest/manifest_reader.h"

#include "base/document/field_reader.h"
#include "base/document/locate.h"
#include "base/document/read_documents.h"
#include "watcher/model/decode.h"
#include "watcher/model/validate.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace wherry::manifest {
namespace {

using document::Document;
using document::FieldFaults;
using document::FieldReader;

/// Of a name or a text that a fault quotes; the remedy stands at the end.
constexpr std::size_t kLongestBeginning = 120;
constexpr std::size_t kLongestEnd = 280;

std::string shortened(std::string text) {
  if (text.size() <= kLongestBeginning + kLongestEnd) return text;
  const auto starts_character = [&text](std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
  };
  std::size_t cut = kLongestBeginning;
  while (cut > 0 && !starts_character(cut)) --cut;
  std::size_t end = text.size() - kLongestEnd;
  while (end < text.size() && !starts_character(end)) ++end;
  return text.substr(0, cut) + "..." + text.substr(end);
}

/// One line of readable length: a stranger's text may be 30 MB, or hold escape sequences.
std::string on_one_line(std::string text) {
  text = shortened(std::move(text));
  const auto byte = [&text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    // U+0080 to U+009F steer terminals too: 9B is ESC [.
    const bool is_c1 = byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) <= 0x9f;
    if (is_c1) text.erase(i, 1);
    if (is_c1 || byte(i) < ' ' || byte(i) == 0x7f) text[i] = '?';
  }
  return text;
}

/// What the objects of a file cost, as far as it grows with what a stranger writes.
struct Cost {
  std::size_t parts = 0;    ///< objects, ports and endpoints
  std::size_t details = 0;  ///< labels, selectors and addresses
  std::size_t bytes = 0;    ///< of text

  void add(const model::Labels& labels) {
    details += labels.size();
    for (const auto& [key, value] : labels) bytes += key.size() + value.size();
  }
  void add(const model::ObjectMeta& meta) {
    bytes += meta.key.name_space.size() + meta.key.name.size() + meta.uid.size();
    add(meta.labels);
    add(meta.annotations);
  }
  void add(const model::Service& service) {
    add(service.meta);
    add(service.selector);
    parts += service.ports.size();
    for (const model::ServicePortSpec& port : service.ports) {
      const auto* target = std::get_if<std::string>(&port.target);
      bytes += port.name.size() + (target == nullptr ? 0 : target->size());
    }
    details += service.cluster_ips.size() + service.ip_families.size() +
               service.load_balancer_source_ranges.size();
    // Each service port holds them.
    details += (service.external_ips.size() + service.load_balancer_ips.size()) *
               std::max<std::size_t>(1, service.ports.size());
  }
  void add(const model::Pod& pod) {
    add(pod.meta);
    parts += pod.named_ports.size();
    details += pod.ips.size();
    bytes += pod.node.size();
    for (const model::NamedPort& port : pod.named_ports) bytes += port.name.size();
  }
  void add(const model::Node& node) {
    add(node.meta);
    details += node.addresses.size() + node.pod_cidrs.size() + node.taints.size();
    for (const std::string& taint : node.taints) bytes += taint.size();
  }
  void add(const model::ServiceCidr& service_cidr) {
    add(service_cidr.meta);
    details += service_cidr.cidrs.size();
  }
  void add(const std::vector<model::Endpoint>& endpoints) {
    parts += endpoints.size();
    for (const model::Endpoint& each : endpoints) {
      bytes += each.node.size() + each.pod.size() + each.pod_uid.size();
      details += each.hints.zones().size() + each.hints.nodes().size();
      for (const std::string& zone : each.hints.zones()) bytes += zone.size();
      for (const std::string& node : each.hints.nodes()) bytes += node.size();
    }
  }
  void add(const std::vector<model::EndpointPort>& ports) {
    parts += ports.size();
    for (const model::EndpointPort& port : ports) bytes += port.name ? port.name->size() : 0;
  }
  void add(const model::EndpointSlice& slice) {
    add(slice.meta);
    add(slice.endpoints);
    add(slice.ports);
  }
  void add(const model::Endpoints& endpoints) {
    add(endpoints.meta);
    for (const model::EndpointSubset& subset : endpoints.subsets) {
      // A subset becomes a slice for each family.
      parts += 2;
      bytes += 2 * (endpoints.meta.key.name.size() + endpoints.meta.key.name_space.size());
      add(subset.endpoints);
      add(subset.ports);
      add(subset.ports);
    }
  }
};

/// Objects and faults that were read, and are kept or dropped together.
struct Pending {
  ManifestContent content;
  std::vector<document::Where> where;
  std::vector<std::string> subjects;
  std::vector<document::FieldFault> faults;
  std::size_t more_faults = 0;  ///< beyond those that are shown
};

class Reader {
 public:
  Reader(std::string_view text, std::string name, const ManifestLimits& limits)
      : text_(text), name_(std::move(name)), limits_(limits) {}

  ManifestText read() {
    const document::Expect expect =
        name_.ends_with(".json") ? document::Expect::Json : document::Expect::Yaml;
    const auto error = document::read_documents(text_, expect, document::Limits{},
                                                [this](Document&& each) { take(std::move(each)); });
    if (error) {
      add_fault({name_, error->mark.line, error->mark.column}, "", on_one_line(error->text));
    }
    place_faults();
    if (const std::string reason = too_much(); !reason.empty()) {
      add_fault({name_}, "", "holds more than " + reason + "; split it into several files");
    }
    return std::move(result_);
  }

 private:
  void take(Document&& each) {
    // Once it is clear that the file is refused for its size, nothing more is kept.
    if (!too_much().empty()) return;
    if (each.item) {
      read_object(each, items_);
      return;
    }
    Pending own;
    if (is_list(read_object(each, own))) keep(std::move(items_));
    keep(std::move(own));
    items_ = {};
  }

  /// What there is more of than one file may hold; empty if nothing.
  [[nodiscard]] std::string too_much() const {
    if (cost_.parts > limits_.parts) {
      return std::to_string(limits_.parts) + " objects, ports and endpoints";
    }
    if (cost_.details > limits_.details) {
      return std::to_string(limits_.details) + " labels, selectors and addresses";
    }
    if (cost_.bytes > limits_.bytes) {
      return std::to_string(limits_.bytes) + " bytes of names, labels and selectors";
    }
    return {};
  }

  /// A list of anything, or the typed list of one of our kinds.
  static bool is_list(const model::TypeMeta& type) {
    if (type.classify() == model::Kind::List) return true;
    if (type.api_version == "v1") {
      return type.kind == "ServiceList" || type.kind == "PodList" || type.kind == "EndpointsList" ||
             type.kind == "NodeList";
    }
    return (type.api_version == "discovery.k8s.io/v1" && type.kind == "EndpointSliceList") ||
           (type.api_version == "networking.k8s.io/v1" && type.kind == "ServiceCIDRList");
  }

  /// What an object says it is, or, for one that says nothing, what the typed list says that holds
  /// it: an API server leaves the type out there.
  static model::TypeMeta type_of(const Document& each, const FieldReader& object) {
    constexpr std::string_view kList = "List";
    if (each.list != nullptr && !object.at("apiVersion").present() &&
        !object.at("kind").present()) {
      FieldFaults ignored;
      model::TypeMeta list = model::decode_type(FieldReader(*each.list, ignored));
      if (is_list(list) && list.kind != kList) {
        list.kind.resize(list.kind.size() - kList.size());
        return list;
      }
    }
    return model::decode_type(object);
  }

  model::TypeMeta read_object(const Document& each, Pending& into) {
    FieldFaults faults;
    const FieldReader object(each.value, faults);
    model::TypeMeta type;
    std::string subject;
    if (object.expect_object("a mapping with apiVersion and kind")) {
      type = type_of(each, object);
      if (is_list(type)) {
        check_list(each, type, object);
      } else if (faults.empty()) {
        subject = decode(type, object, faults, into.content);
      }
    }
    note_faults(each, subject, std::move(faults), into);
    return type;
  }

  /// The elements of a list have been handed over by now.
  static void check_list(const Document& each, const model::TypeMeta& type,
                         const FieldReader& object) {
    if (each.item) {
      object.fault("is a " + type.kind + " in a list; write its objects out one by one");
    } else {
      object.each("items", [](const FieldReader&) {});
    }
  }

  /// Returns what to call the object in faults.
  std::string decode(const model::TypeMeta& type, const FieldReader& object, FieldFaults& faults,
                     ManifestContent& into) {
    ++cost_.parts;
    switch (type.classify()) {
      case model::Kind::Service:
        return add(type.kind, model::decode_service(object), faults, into.services);
      case model::Kind::Pod:
        return add(type.kind, model::decode_pod(object), faults, into.pods);
      case model::Kind::EndpointSlice:
        return add(type.kind, model::decode_endpoint_slice(object), faults, into.slices);
      case model::Kind::Endpoints:
        return add(type.kind, model::decode_endpoints(object), faults, into.endpoints);
      case model::Kind::Node:
        return add(type.kind, model::decode_node(object), faults, into.nodes);
      case model::Kind::ServiceCidr:
        return add(type.kind, model::decode_service_cidr(object), faults, into.service_cidrs);
      default:
        break;
    }
    cost_.bytes += type.api_version.size() + type.kind.size();
    ++into.ignored[type.api_version + ' ' + type.kind];
    return type.kind;
  }

  template <class T>
  std::string add(const std::string& kind, T object, FieldFaults& faults, std::vector<T>& into) {
    append_new(faults, model::validate(object));
    cost_.add(object);
    into.push_back(std::move(object));
    return kind + ' ' + name_of(into.back().meta.key);
  }

  /// A Node and a ServiceCIDR have no namespace.
  static std::string name_of(const model::ObjectKey& key) {
    return key.name_space.empty() ? key.name : key.to_string();
  }

  /// Leaves out what only follows from another fault: a name of a wrong type is not missing.
  void append_new(FieldFaults& to, FieldFaults&& more) const {
    const std::size_t known = to.size();
    if (known >= limits_.faults) return;
    for (document::FieldFault& fault : more) {
      const auto& steps = fault.path.steps;
      const bool follows =
          std::any_of(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(known),
                      [&steps](const document::FieldFault& cause) {
                        const auto& above = cause.path.steps;
                        return above.size() <= steps.size() &&
                               std::equal(above.begin(), above.end(), steps.begin());
                      });
      if (!follows) to.push_back(std::move(fault));
    }
  }

  void note_faults(const Document& each, const std::string& subject, FieldFaults&& faults,
                   Pending& into) {
    for (document::FieldFault& fault : faults) {
      if (into.faults.size() >= limits_.faults) {
        ++into.more_faults;
        continue;
      }
      for (document::PathStep& step : fault.path.steps) {
        auto* key = std::get_if<std::string>(&step);
        if (key != nullptr) *key = shortened(std::move(*key));
      }
      document::Where where{each.number, fault.path};
      if (each.item) {
        where.path.steps.insert(where.path.steps.begin(), {std::string("items"), *each.item});
      }
      into.where.push_back(std::move(where));
      into.subjects.push_back(on_one_line(subject));
      fault.text = on_one_line(std::move(fault.text));
      into.faults.push_back(std::move(fault));
    }
  }

  void keep(Pending&& pending) {
    ManifestContent& to = result_.content;
    const auto move_all = [](auto& into, auto& from) {
      into.insert(into.end(), std::make_move_iterator(from.begin()),
                  std::make_move_iterator(from.end()));
    };
    move_all(to.services, pending.content.services);
    move_all(to.pods, pending.content.pods);
    move_all(to.slices, pending.content.slices);
    move_all(to.endpoints, pending.content.endpoints);
    move_all(to.nodes, pending.content.nodes);
    move_all(to.service_cidrs, pending.content.service_cidrs);
    for (const auto& [kind, count] : pending.content.ignored) to.ignored[kind] += count;
    const std::size_t room = limits_.faults - kept_.faults.size();
    const std::size_t fits = std::min(room, pending.faults.size());
    kept_.more_faults += pending.more_faults + pending.faults.size() - fits;
    pending.where.resize(fits);
    pending.subjects.resize(fits);
    pending.faults.resize(fits);
    move_all(kept_.where, pending.where);
    move_all(kept_.subjects, pending.subjects);
    move_all(kept_.faults, pending.faults);
    pending = {};
  }

  /// Gives the faults that were kept their lines and columns, with one more look at the text.
  void place_faults() {
    if (!kept_.faults.empty()) {
      const std::vector<document::Mark> marks = document::locate(text_, kept_.where);
      for (std::size_t i = 0; i < kept_.faults.size(); ++i) {
        std::string field = kept_.subjects[i];
        const std::string path = on_one_line(kept_.faults[i].path.to_string());
        if (!path.empty()) field += (field.empty() ? "" : ": ") + path;
        add_fault({name_, marks[i].line, marks[i].column}, std::move(field),
                  std::move(kept_.faults[i].text));
      }
    }
    std::stable_sort(
        result_.faults.begin(), result_.faults.end(), [](const Fault& a, const Fault& b) {
          return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
        });
    if (kept_.more_faults > 0) {
      add_fault({name_}, "", "and " + std::to_string(kept_.more_faults) + " more faults");
    }
  }

  void add_fault(Place place, std::string field, std::string text) {
    result_.faults.push_back({std::move(place), std::move(field), std::move(text)});
  }

  const std::string_view text_;
  const std::string name_;
  const ManifestLimits limits_;
  ManifestText result_;
  Pending items_;  ///< what stood under "items", until it is known whether that was a list
  Pending kept_;
  Cost cost_;
};

}  // namespace

ManifestText read_manifest(std::string_view text, const std::string& name,
                           const ManifestLimits& limits) {
  return Reader(text, name, limits).read();
}

}  // namespace wherry::manifest
