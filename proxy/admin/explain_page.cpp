#include "proxy/admin/explain_page.h"

#include "balancer/connection_verdict.h"
#include "base/quoted.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace wherry::admin {
namespace {

namespace json = boost::json;
namespace urls = boost::urls;

json::string text(std::string_view value) { return json::string(value); }

/// What is no good encoding stands for itself, and will be no address. A whole query is not parsed
/// as one: Boost.URL refuses the brackets of an IPv6 address, which people write plainly.
std::string percent_decoded(std::string_view value) {
  const auto encoded = urls::make_pct_string_view(value);
  return encoded ? encoded->decode() : std::string(value);
}

std::string percent_encoded(std::string_view value) {
  return urls::encode(value, urls::unreserved_chars + ':');
}

std::string field(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? printable(std::string(value->get_string()))
                                                : std::string();
}

std::string line(std::string_view title, const std::string& content) {
  constexpr std::size_t kWidth = 13;
  std::string text(title);
  text.append(kWidth - std::min(kWidth, text.size()), ' ');
  return text + content + '\n';
}

/// Lines under one title; "none" where there are none.
std::string lines(std::string_view title, const std::vector<std::string>& all) {
  if (all.empty()) return line(title, "none");
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) text += line(i == 0 ? title : "", all[i]);
  return text;
}

const json::array& list(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

}  // namespace

std::string explain_target(const balancer::Question& question) {
  return "/explain?client=" + percent_encoded(question.client.to_string()) +
         "&destination=" + percent_encoded(question.destination.to_string()) +
         "&protocol=" + std::string(to_string(question.protocol));
}

std::variant<balancer::Question, std::string> parse_question(std::string_view query) {
  std::map<std::string, std::string, std::less<>> values;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = pair.find('=');
    values[std::string(pair.substr(0, equals))] = percent_decoded(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
  }
  balancer::Question question;
  const auto client = balancer::Client::parse(values["client"]);
  if (!client) {
    return "client: write an address, pod, node, outside, or pod=ADDRESS, for example "
           "client=192.0.2.1";
  }
  question.client = *client;
  const auto destination = SocketAddress::parse(values["destination"]);
  if (!destination) return "destination: write ADDR:PORT, for example destination=10.96.0.1:443";
  question.destination = *destination;
  const std::string& protocol = values["protocol"];
  const auto known = parse_protocol(protocol.empty() ? "TCP" : protocol);
  if (!known) return "protocol: write TCP, UDP or SCTP";
  question.protocol = *known;
  return question;
}

json::object explanation_json(const balancer::Explanation& explanation) {
  json::object object;
  const balancer::Question& question = explanation.question;
  const std::string_view kind = to_string(explanation.kind);
  object["client"] =
      question.client.address ? text(question.client.address->to_string()) : text(kind);
  object["kind"] = text(kind);
  object["destination"] = text(question.destination.to_string());
  object["addressKind"] = text(to_string(explanation.address_kind));
  object["protocol"] = text(to_string(question.protocol));
  const bool has_service = !explanation.service.name.empty();
  object["service"] = text(has_service ? explanation.service.to_string() : "");
  object["port"] =
      text(explanation.entry == nullptr ? "" : explanation.entry->service_port.key.port);
  object["verdict"] = text(to_string(explanation.verdict));
  object["reason"] = text(to_string(explanation.reason));
  object["rule"] = text(explanation.rule);
  json::array backends;
  json::array excluded;
  // As they are dialled: of a port range at another port than their own.
  const auto backend = [&](std::uint32_t index) {
    const balancer::ServicePortEntry& entry = *explanation.entry;
    return text(balancer::dial_address(entry.service_port, explanation.address_kind,
                                       entry.backends[index].address, question.destination.port)
                    .to_string());
  };
  for (const std::uint32_t index : explanation.backends) backends.emplace_back(backend(index));
  for (const balancer::Excluded& each : explanation.excluded) {
    excluded.emplace_back(
        json::object{{"backend", backend(each.backend)}, {"reason", text(to_string(each.reason))}});
  }
  object["backends"] = std::move(backends);
  if (!explanation.sees_client.empty()) {
    json::array seen;
    for (const bool sees_client : explanation.sees_client) {
      seen.emplace_back(sees_client ? "client" : "node");
    }
    object["backendsSee"] = std::move(seen);
  }
  object["excluded"] = std::move(excluded);
  return object;
}

std::string print_explanation(const json::object& explanation) {
  const std::string client = field(explanation, "client");
  const std::string kind = field(explanation, "kind");
  const std::string port = field(explanation, "port");
  const std::string service = field(explanation, "service");
  std::vector<std::string> backends;
  const json::array& seen = list(explanation, "backendsSee");
  for (const json::value& each : list(explanation, "backends")) {
    if (!each.is_string()) continue;
    std::string text = printable(std::string(each.get_string()));
    const std::size_t place = backends.size();
    if (place < seen.size() && seen[place].is_string()) {
      text += "  sees the " + printable(std::string(seen[place].get_string())) + "'s address";
    }
    backends.push_back(std::move(text));
  }
  std::vector<std::string> excluded;
  for (const json::value& each : list(explanation, "excluded")) {
    if (!each.is_object()) continue;
    excluded.push_back(field(each.get_object(), "backend") + "  " +
                       field(each.get_object(), "reason"));
  }
  return line("client", client == kind ? kind : client + " (" + kind + ')') +
         line("destination",
              field(explanation, "destination") + '/' + field(explanation, "protocol") + ", " +
                  (service.empty() ? "no Service's"
                                   : field(explanation, "addressKind") + " of " + service) +
                  (port.empty() ? "" : ", port " + port)) +
         line("verdict", field(explanation, "verdict")) +
         line("reason", field(explanation, "reason")) + line("rule", field(explanation, "rule")) +
         lines("backends", backends) + lines("excluded", excluded);
}

}  // namespace wherry::admin
