#include "proxy/health/health_check_ports.h"

#include "base/log.h"
#include "proxy/http/lasting_port.h"

#include <utility>

namespace wherry::health {
namespace {

std::string describe(const HealthCheckKey& key, std::uint16_t port, const std::string& reason) {
  return "failed to start healthcheck \"" + key.service.to_string() + "\" on port " +
         std::to_string(port) + " (" + std::string(to_string(key.family)) + "): " + reason;
}

}  // namespace

HealthCheckPorts::HealthCheckPorts(asio::io_context& loop, Timers& timers, std::string node_name,
                                   std::function<bool()> healthy, Failed failed)
    : timers_(timers),
      node_name_(std::move(node_name)),
      healthy_(std::move(healthy)),
      failed_(std::move(failed)),
      checks_(node_name_),
      server_(loop) {}

void HealthCheckPorts::apply(const balancer::BackendTable& table, const balancer::TableDiff& diff) {
  checks_.apply(table, diff);
  open_and_close();
}

void HealthCheckPorts::stop() {
  stopped_ = true;
  again_.cancel();
  server_.stop();
  open_.clear();
}

std::map<HealthCheckKey, std::string> HealthCheckPorts::problems() const {
  std::map<HealthCheckKey, std::string> all;
  for (const auto& [key, busy] : busy_) all.emplace(key, describe(key, busy.port, busy.reason));
  return all;
}

void HealthCheckPorts::open_and_close() {
  if (stopped_) return;
  const auto is_wanted = [this](const HealthCheckKey& key, std::uint16_t port) {
    const HealthCheck* check = checks_.find(key);
    return check != nullptr && check->port == port;
  };
  std::erase_if(open_, [&](const auto& each) {
    const auto& [key, open] = each;
    if (is_wanted(key, open.port)) return false;
    server_.close(open.address);
    return true;
  });
  std::erase_if(busy_, [&](const auto& each) { return !is_wanted(each.first, each.second.port); });
  for (const auto& [key, check] : checks_.all()) {
    if (!open_.contains(key)) try_open(key, check.port);
  }
  if (busy_.empty()) {
    again_.cancel();
  } else if (!again_.is_waiting()) {
    again_ = timers_.schedule(http::kOpenAgainAfter, [this] { open_and_close(); });
  }
}

void HealthCheckPorts::try_open(const HealthCheckKey& key, std::uint16_t port) {
  const auto opened =
      server_.open({IpAddress::any(key.family), port}, http::Reach::OwnFamily,
                   http::at_once([this, key](const http::Request&) { return respond(key); }));
  if (opened) {
    busy_.erase(key);
    open_.emplace(key, Open{port, *opened});
    return;
  }
  const std::string reason = opened.error().message();
  const bool is_news = busy_.insert_or_assign(key, Busy{port, reason}).second;
  if (!is_news) return;
  log::error("a health check port can't be opened",
             {{"service", key.service.to_string()},
              {"port", port},
              {"family", to_string(key.family)},
              {"reason", reason},
              {"remedy", "stop what listens there; it is tried again every 5 s"}});
  if (failed_) failed_(key.service, "node " + node_name_ + ' ' + describe(key, port, reason));
}

http::Response HealthCheckPorts::respond(const HealthCheckKey& key) const {
  // A port is closed with its check: there is one as long as somebody can ask.
  const HealthCheck* check = checks_.find(key);
  const std::size_t local = check == nullptr ? 0 : check->local_endpoints;
  const bool is_healthy = healthy_();
  http::Response response;
  response.status = local > 0 && is_healthy ? 200 : 503;
  response.content_type = "application/json";
  response.headers.emplace_back("X-Load-Balancing-Endpoint-Weight", std::to_string(local));
  response.body = health_check_body(key.service, local, is_healthy);
  return response;
}

}  // namespace wherry::health
