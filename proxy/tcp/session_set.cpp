#include "proxy/tcp/session_set.h"

#include "base/assert.h"
#include "base/log.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace wherry::tcp {

SessionSet::SessionSet(asio::io_context& loop, Timers& timers, const Clock& clock,
                       const SessionOptions& options)
    : loop_(loop),
      clock_(clock),
      options_(options),
      chance_(options.seed),
      table_(std::make_shared<const balancer::BackendTable>()),
      connecting_(timers, clock, options.connect_timeout,
                  [](DeadlineHook& hook) { static_cast<Session&>(hook).on_deadline(); }),
      awaiting_header_(timers, clock, options.header_timeout,
                       [](DeadlineHook& hook) { static_cast<Session&>(hook).on_deadline(); }),
      idling_(timers, clock, options.idle_timeout,
              [](DeadlineHook& hook) { static_cast<Session&>(hook).on_deadline(); }),
      scratch_(std::make_unique_for_overwrite<std::byte[]>(kScratchSize)) {}

SessionSet::~SessionSet() { WHERRY_ASSERT(idle()); }

void SessionSet::open(UniqueFd client, const SocketAddress& client_address,
                      balancer::Entrance entrance, SessionQuota::Permit permit,
                      const SocketAddress& local) {
  auto session = std::make_unique<Session>(*this, std::move(client), client_address, local,
                                           entrance, std::move(permit));
  ++count_;
  sessions_.push_back(*session);
  // Owned by the list from here on; retire() takes it back.
  session.release()->start();
}

std::shared_ptr<const balancer::BackendTable> SessionSet::exchange_table(
    std::shared_ptr<const balancer::BackendTable> next) {
  return std::exchange(table_, std::move(next));
}

void SessionSet::report_loop(const balancer::ServicePortState& service_port,
                             const SocketAddress& backend) {
  if (std::exchange(reported_loop_, backend) == backend) return;
  log::warn(
      "a backend is where the service port itself listens, or leads back there; it is not used",
      {{"service", service_port.key.to_string()},
       {"backend", backend.to_string()},
       {"remedy",
        "correct the pod's address or the targetPort, or let the Service listen elsewhere "
        "(annotation wherry.io/listen-address)"}});
}

void SessionSet::report_header(const IpAddress& peer, std::string_view wrong) {
  if (std::exchange(reported_peer_, peer) == peer) return;
  log::warn("a client is refused that must begin with a PROXY header",
            {{"source", peer.to_string()},
             {"reason", wrong},
             {"remedy",
              "let it send the header (version 1 or 2), or take its address out of "
              "--accept-proxy-protocol"}});
}

void SessionSet::close_all(CloseReason reason) {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    Session& session = *at++;  // closing may take it off the list
    session.close(reason);
  }
}

void SessionSet::stop() {
  close_all(CloseReason::Shutdown);
  connecting_.stop();
  awaiting_header_.stop();
  idling_.stop();
}

void SessionSet::retire(Session& session) {
  sessions_.erase(List::s_iterator_to(session));
  retired_.emplace_back(&session);
  if (retired_.size() > 1) return;  // the sweep is on its way
  asio::post(loop_, [this] {
    count_ -= retired_.size();
    retired_.clear();
  });
}

std::vector<SessionSnapshot> SessionSet::snapshots() const {
  std::vector<SessionSnapshot> all;
  for (const Session& session : sessions_) {
    if (session.established()) all.push_back(session.snapshot());
  }
  return all;
}

}  // namespace wherry::tcp
