#include "tests/balancer/model/history.h"

#include "base/document/write_yaml.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace wherry::balancer {
namespace {

namespace json = boost::json;

json::string text(std::string_view value) { return json::string(value); }

std::string_view name_of(Event::Op op) {
  switch (op) {
    case Event::Op::Upsert:
      return "upsert";
    case Event::Op::Erase:
      return "erase";
    case Event::Op::Replace:
      return "replace";
    case Event::Op::Build:
      return "query";
  }
  return "?";
}

json::object to_json(const Event& event) {
  json::object line{{"op", text(name_of(event.op))}};
  if (event.op == Event::Op::Build) return line;
  line["kind"] = text(event.kind);
  if (event.op != Event::Op::Replace) {
    line["object"] = *event.objects.front();
    return line;
  }
  json::array objects;
  for (const JsonObject& object : event.objects) objects.push_back(*object);
  line["objects"] = std::move(objects);
  return line;
}

}  // namespace

const json::value* value_at(const json::value& object, JsonPath path) {
  const json::value* at = &object;
  for (const std::string_view step : path) {
    at = at->is_object() ? at->get_object().if_contains(step) : nullptr;
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string text_at(const json::value& object, JsonPath path, std::string_view fallback) {
  const json::value* at = value_at(object, path);
  return std::string(at != nullptr && at->is_string() ? std::string_view(at->get_string())
                                                      : fallback);
}

std::vector<const json::value*> elements_at(const json::value& object, JsonPath path) {
  std::vector<const json::value*> elements;
  const json::value* at = value_at(object, path);
  if (at == nullptr || !at->is_array()) return elements;
  for (const json::value& element : at->get_array()) elements.push_back(&element);
  return elements;
}

model::ObjectKey key_of(const json::value& object) {
  return {text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
}

void World::apply(const Event& event) {
  if (event.op == Event::Op::Build) return;
  if (event.kind == "Node") {
    node = event.objects.front();
    return;
  }
  auto& objects = event.kind == "Service" ? services : slices;
  if (event.op == Event::Op::Replace) objects.clear();
  for (const JsonObject& object : event.objects) {
    if (event.op == Event::Op::Erase) {
      objects.erase(key_of(*object));
    } else {
      objects.insert_or_assign(key_of(*object), object);
    }
  }
}

std::string to_lines(const History& history) {
  json::array ips;
  for (const std::string& ip : history.node_ips) ips.emplace_back(text(ip));
  std::string lines = json::serialize(json::object{{"op", "begin"},
                                                   {"node", text(history.node)},
                                                   {"nodeIPs", std::move(ips)},
                                                   {"proxyName", text(history.proxy_name)}});
  lines += '\n';
  for (const Event& event : history.events) lines += json::serialize(to_json(event)) + '\n';
  return lines;
}

std::string to_manifests(const History& history) {
  std::string text = "# On " + history.node;
  text += history.from_manifests ? ", from manifests" : ", from a cluster";
  if (!history.proxy_name.empty()) text += ", --service-proxy-name " + history.proxy_name;
  text += '\n';
  World world;
  for (std::size_t i = 0; i < history.events.size(); ++i) {
    const Event& event = history.events[i];
    world.apply(event);
    text += "# " + std::to_string(i + 1) + ". ";
    text += event.op == Event::Op::Build ? "build" : name_of(event.op);
    text += ' ' + event.kind;
    if (event.op == Event::Op::Erase) text += ' ' + key_of(*event.objects.front()).to_string();
    text += '\n';
    if (event.op == Event::Op::Build || event.op == Event::Op::Erase) continue;
    for (const JsonObject& object : event.objects) text += "---\n" + document::write_yaml(*object);
  }
  text += "# What is left in the end\n";
  if (world.node) text += "---\n" + document::write_yaml(*world.node);
  for (const auto& [key, object] : world.services) {
    text += "---\n" + document::write_yaml(*object);
  }
  for (const auto& [key, object] : world.slices) text += "---\n" + document::write_yaml(*object);
  return text;
}

}  // namespace wherry::balancer
