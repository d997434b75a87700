#include "balancer/explain.h"
#include "base/log.h"
#include "base/quoted.h"
#include "proxy/admin/explain_page.h"
#include "proxy/admin/http_get.h"
#include "proxy/app/commands.h"
#include "proxy/app/exit_code.h"
#include "proxy/app/offline_tables.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <variant>

namespace wherry::app {
namespace {

namespace json = boost::json;

/// What is said in place of an explanation.
struct Failure {
  int exit_code = kExitUsage;
  std::string text;
};
using Answer = std::variant<json::object, Failure>;

Answer ask(const config::ExplainCommand& command, const balancer::Question& question) {
  const SocketAddress& address = command.options.admin_address;
  const auto answer =
      admin::http_get(address, admin::explain_target(question), std::chrono::seconds(30));
  if (!answer) {
    return Failure{kExitUnavailable,
                   "no wherry answers at " + address.to_string() + ": " + answer.error().message() +
                       "; start one with wherry run, or say where it is with --admin-address"};
  }
  if (answer->status == 422) return Failure{kExitUsage, answer->body};
  if (answer->status == 404 && answer->body.starts_with("no Service")) {
    return Failure{kExitNotFound, answer->body};
  }
  error_code error;
  json::value value = json::parse(answer->body, error);
  if (answer->status != 200 || error || !value.is_object()) {
    return Failure{kExitUnavailable, "what answers at " + address.to_string() +
                                         " is no wherry, or another version: status " +
                                         std::to_string(answer->status) + " for /explain"};
  }
  return std::move(value.get_object());
}

Answer look(const OfflineTables& tables, const balancer::Question& question) {
  const auto answer = balancer::explain(tables.table(), tables.ways_in(), question);
  if (const auto* none = std::get_if<balancer::NoExplanation>(&answer)) {
    const bool is_missing = none->kind == balancer::NoExplanation::Kind::NotFound;
    return Failure{is_missing ? kExitNotFound : kExitUsage, none->text};
  }
  return admin::explanation_json(std::get<balancer::Explanation>(answer));
}

int show(const Answer& answer, config::OutputFormat format) {
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    std::string text = failure->text;
    while (text.ends_with('\n')) text.pop_back();
    std::cerr << printable(text) << '\n';
    return failure->exit_code;
  }
  const auto& object = std::get<json::object>(answer);
  std::cout << (format == config::OutputFormat::Json ? json::serialize(object) + '\n'
                                                     : admin::print_explanation(object));
  std::cout.flush();
  if (std::cout) return kExitOk;
  std::cerr << "the output can't be written\n";
  return kExitIo;
}

}  // namespace

int explain(const config::ExplainCommand& command) {
  log::configure(log::Level::Error, command.options.log_format);
  const auto client = balancer::Client::parse(command.client);
  if (!client) {
    return refuse({{{'"' + command.client + '"'},
                    "",
                    "no client; write an address, pod, node, outside, or pod=ADDRESS"}});
  }
  const balancer::Question question{*client, command.destination, command.protocol};
  if (!command.from_manifests) return show(ask(command, question), command.output);
  const OfflineTables tables(command.options);
  for (const Fault& fault : tables.faults()) std::cerr << printable(fault.to_string()) << '\n';
  const int shown = show(look(tables, question), command.output);
  return tables.faults().empty() ? shown : kExitUsage;
}

}  // namespace wherry::app
