#include "watcher/api/cluster_connection.h"

#include "watcher/api/cluster_dialer.h"
#include "watcher/api/http_list_watch.h"

#include <utility>

namespace wherry::api {

ClusterConnection::ClusterConnection(asio::io_context& loop, ClusterAccess access,
                                     const Environment& environment, Timers& timers,
                                     const Clock& clock, std::string user_agent)
    : loop_(loop),
      access_(std::move(access)),
      timers_(timers),
      clock_(clock),
      user_agent_(std::move(user_agent)),
      credentials_(loop, access_, timers, clock, environment),
      trust_(access_),
      metrics_(access_.server.authority()) {}

ClusterConnection::~ClusterConnection() = default;

std::unique_ptr<ListWatch> ClusterConnection::list_watch(Resource resource) {
  return std::make_unique<HttpListWatch>(loop_, server(), dialer(), std::move(resource));
}

std::unique_ptr<EventApi> ClusterConnection::event_api() {
  return std::make_unique<HttpEventApi>(server(), dialer());
}

HttpClient::Server ClusterConnection::server() {
  return {access_, credentials_, metrics_, timers_, clock_, user_agent_};
}

std::unique_ptr<Dialer> ClusterConnection::dialer() {
  return std::make_unique<ClusterDialer>(loop_, access_, credentials_, trust_, timers_, clock_);
}

void ClusterConnection::collect(MetricFamilies& families) const {
  metrics_.collect(families);
  families.push_back({"rest_client_transport_ca_reload_total",
                      "How often the file with the authorities had changed, by what came of it.",
                      MetricKind::Counter,
                      {{{{"result", "success"}}, static_cast<double>(trust_.reloads().good)},
                       {{{"result", "failure"}}, static_cast<double>(trust_.reloads().failed)}}});
}

}  // namespace wherry::api
