#include "proxy/admin/admin_server.h"

#include "base/quoted.h"
#include "proxy/admin/explain_page.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/z_pages.h"

#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace wherry::admin {
namespace {

using http::Request;
using http::Response;

Response make_response(int status, std::string type, std::string body) {
  Response response;
  response.status = status;
  response.content_type = std::move(type);
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response text_response(int status, std::string body) {
  return make_response(status, "text/plain; charset=utf-8", std::move(body));
}

Response json_response(const boost::json::value& value) {
  return make_response(200, "application/json", boost::json::serialize(value) + '\n');
}

Response explain(const AdminView& view, std::string_view query) {
  const auto question = parse_question(query);
  if (const auto* wrong = std::get_if<std::string>(&question)) {
    return text_response(400, *wrong + '\n');
  }
  const auto table = view.table();
  const auto answer =
      balancer::explain(*table, view.ways_in(), std::get<balancer::Question>(question));
  if (const auto* none = std::get_if<balancer::NoExplanation>(&answer)) {
    const bool is_missing = none->kind == balancer::NoExplanation::Kind::NotFound;
    return text_response(is_missing ? 404 : 422, none->text + '\n');
  }
  return json_response(explanation_json(std::get<balancer::Explanation>(answer)));
}

/// "/readyz/" is "/readyz".
std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool is_verbose(std::string_view query) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair == "verbose" || pair.starts_with("verbose=")) return true;
  }
  return false;
}

constexpr std::array<std::string_view, 14> kPaths = {
    "/configz",        "/endpoints", "/explain",      "/flagz",     "/healthz",
    "/livez",          "/metrics",   "/metrics/slis", "/proxyMode", "/readyz",
    "/readyz?verbose", "/sessions",  "/statusz",      "/table"};

std::vector<std::string_view> paths() { return {kPaths.begin(), kPaths.end()}; }

Response nothing_here() {
  std::string text = "nothing here; there are\n";
  for (const std::string_view path : kPaths) text += std::string(path) + '\n';
  return text_response(404, std::move(text));
}

/// The Prometheus exposition format of these metrics.
Response metrics_response(const MetricFamilies& families) {
  return make_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(families));
}

/// A number is all that a client has to say.
AdminLimits with_short_bodies(AdminLimits limits) {
  limits.body_bytes = 64;
  return limits;
}

}  // namespace

AdminServer::AdminServer(asio::io_context& loop, AdminView& view, AdminLimits limits)
    : view_(view), server_(loop, with_short_bodies(limits)) {}

error_code AdminServer::listen(const SocketAddress& address) {
  // Without authentication no further than it was asked for: 0.0.0.0 is IPv4.
  const bool is_everything = address.ip == IpAddress::any(IpFamily::IPv6);
  const auto opened =
      server_.open(address, is_everything ? http::Reach::BothFamilies : http::Reach::OwnFamily,
                   [this](Request request) { return respond(std::move(request)); });
  if (!opened) return opened.error();
  address_ = *opened;
  return {};
}

asio::awaitable<Response> AdminServer::respond(Request request) {
  if (view_.profiling() && without_slash(request.path) == "/debug/flags/v") {
    co_return set_verbosity(request);
  }
  if (request.method != "GET" && request.method != "HEAD") {
    Response response = text_response(405, "only GET and HEAD\n");
    response.headers.emplace_back("Allow", "GET, HEAD");
    co_return response;
  }
  const std::string path = without_slash(std::move(request.path));
  if (path == "/livez") co_return text_response(200, "ok");
  if (path == "/healthz") {
    ++healthz_checks_;
    co_return text_response(200, "ok");
  }
  if (path == "/readyz") {
    const Readiness readiness = view_.readiness();
    co_return text_response(readiness.ready() ? 200 : 503,
                            readiness_text(readiness, is_verbose(request.query)));
  }
  if (path == "/metrics") co_return metrics_response(view_.metrics());
  if (path == "/metrics/slis") co_return metrics_response(sli_metrics(healthz_checks_));
  if (path == "/table") {
    co_return json_response(services_json(
        *view_.table(), [this](balancer::ServicePortId id) { return view_.listening(id); }));
  }
  if (path == "/endpoints") co_return json_response(endpoints_json(*view_.table()));
  if (path == "/sessions") co_return json_response(sessions_json(co_await sessions()));
  if (path == "/explain") co_return explain(view_, request.query);
  if (const auto page = facts_page(path, request.accept)) co_return *page;
  co_return nothing_here();
}

/// In the words of Kubernetes' own (k8s.io/apiserver/pkg/server/routes/flags.go and
/// component-base/logs, 1.36).
Response AdminServer::set_verbosity(const Request& request) {
  if (request.method != "PUT") return text_response(406, "unsupported http method\n");
  const auto level = log::level_of_verbosity(request.body);
  if (!level) {
    return text_response(400, "failed to set klog.logging.verbosity " + printable(request.body) +
                                  ": write a whole number; from 4 on it is debug\n");
  }
  view_.set_log_level(*level);
  return text_response(200, "successfully set klog.logging.verbosity to " + request.body + '\n');
}

/// The pages about the process itself (H4).
std::optional<Response> AdminServer::facts_page(const std::string& path,
                                                const std::string& accept) const {
  if (path == "/proxyMode") return text_response(200, view_.facts().mode);
  if (path == "/configz") {
    return make_response(200, "application/json", configz_json(view_.facts()));
  }
  if (path == "/flagz") {
    if (asks_for_json(accept, "Flagz")) {
      return make_response(200, "application/json", flagz_json(view_.facts()));
    }
    return text_response(200, flagz_text(view_.facts()));
  }
  if (path == "/statusz") {
    if (asks_for_json(accept, "Statusz")) {
      return make_response(200, "application/json", statusz_json(view_.facts(), paths()));
    }
    return text_response(200, statusz_text(view_.facts(), paths()));
  }
  return std::nullopt;
}

asio::awaitable<std::vector<SessionRow>> AdminServer::sessions() {
  // The workers answer later, on this thread: an operation like any other.
  auto gather = [this](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    view_.gather_sessions(
        [shared](std::vector<SessionRow> rows) { std::move (*shared)(std::move(rows)); });
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable),
                                          void(std::vector<SessionRow>)>(gather,
                                                                         asio::use_awaitable);
}

}  // namespace wherry::admin
