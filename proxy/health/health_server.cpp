#include "proxy/health/health_server.h"

#include <string>
#include <utility>

namespace wherry::health {
namespace {

http::Response json_response(HealthPage page) {
  http::Response response;
  response.status = page.status;
  response.content_type = "application/json";
  response.body = std::move(page.body);
  return response;
}

MetricFamily by_code(std::string name, std::string help,
                     const std::map<int, std::uint64_t>& answers) {
  MetricFamily family{std::move(name), std::move(help), MetricKind::Counter, {}};
  for (const auto& [status, count] : answers) {
    family.samples.push_back({{{"code", std::to_string(status)}}, static_cast<double>(count)});
  }
  return family;
}

}  // namespace

HealthServer::HealthServer(asio::io_context& loop, const ProxyHealth& health,
                           std::function<bool()> node_eligible)
    : health_(health), node_eligible_(std::move(node_eligible)), server_(loop) {}

error_code HealthServer::listen(const SocketAddress& address) {
  const auto opened = server_.open(
      address, http::Reach::BothFamilies,
      http::at_once([this](const http::Request& request) { return respond(request); }));
  if (!opened) return opened.error();
  address_ = *opened;
  return {};
}

http::Response HealthServer::respond(const http::Request& request) {
  if (request.path == "/healthz") {
    HealthPage page = healthz(health_.state(), node_eligible_());
    ++healthz_[page.status];
    return json_response(std::move(page));
  }
  if (request.path == "/livez") {
    HealthPage page = livez(health_.state());
    ++livez_[page.status];
    return json_response(std::move(page));
  }
  http::Response response;
  response.status = 404;
  response.body = "404 page not found\n";
  return response;
}

void HealthServer::collect(MetricFamilies& families) const {
  families.push_back(
      by_code("kubeproxy_proxy_healthz_total", "Cumulative proxy healthz HTTP status", healthz_));
  families.push_back(
      by_code("kubeproxy_proxy_livez_total", "Cumulative proxy livez HTTP status", livez_));
}

}  // namespace wherry::health
