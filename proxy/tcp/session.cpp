#include "proxy/tcp/session.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"
#include "base/log.h"
#include "proxy/proxy_protocol/proxy_header.h"
#include "proxy/tcp/dial.h"
#include "proxy/tcp/session_set.h"
#include "proxy/tcp/socket_calls.h"
#include "proxy/tcp/take_proxy_header.h"

#include <cerrno>
#include <span>
#include <sys/socket.h>
#include <utility>

namespace wherry::tcp {
namespace {

/// A connection that has come in can't be dropped any more: it is reset.
CloseReason refusal(balancer::Reason reason) {
  return reason == balancer::Reason::SourceRanges ? CloseReason::SourceRanges
                                                  : CloseReason::NoLocalEndpoints;
}

/// Whether the kernel chose the address itself as the source: it is one of this machine's then.
bool comes_from(int fd, const IpAddress& address) { return local_end(fd).ip == address; }

}  // namespace

Session::Session(SessionSet& owner, UniqueFd client, const SocketAddress& client_address,
                 const SocketAddress& local, balancer::Entrance entrance,
                 SessionQuota::Permit permit)
    : owner_(owner),
      entrance_(entrance),
      local_(local),
      permit_(std::move(permit)),
      client_(owner.loop()),
      backend_(owner.loop()),
      inward_(*this, Side::Client, client_, backend_),
      outward_(*this, Side::Backend, backend_, client_),
      accepted_(std::move(client)),
      client_address_(client_address) {}

Session::~Session() { WHERRY_ASSERT(pending_ == 0); }

void Session::start() {
  owner_.mutable_counters().sessions_opening.add(1);
  if (!client_.assign(std::move(accepted_))) return close(CloseReason::NoDescriptors);
  if (!balancer::speaks_for_others(client_address_.ip, owner_.table().node())) {
    return try_backends();
  }
  state_ = State::AwaitingHeader;
  owner_.awaiting_header().touch(*this);
  take_header();
}

void Session::take_header() {
  const TakenProxyHeader taken = take_proxy_header(client_.fd(), owner_.scratch());
  switch (taken.what) {
    case TakenProxyHeader::What::Taken:
      if (taken.connection) {
        client_address_ = taken.connection->source;
        asked_for_ = taken.connection->destination;
      }
      DeadlineList::remove(*this);
      state_ = State::Connecting;
      return try_backends();
    case TakenProxyHeader::What::Wait:
      went_out();
      return client_.wait_readable([this](const boost::system::error_code&) {
        if (came_back()) take_header();
      });
    case TakenProxyHeader::What::Wrong:
      return refuse_header(taken.wrong);
    case TakenProxyHeader::What::Failed:
      return close(classify_io_error(Side::Client, taken.error));
  }
}

/// Nothing is said of peers that only look whether somebody listens.
void Session::refuse_header(std::string_view wrong) {
  if (!wrong.empty()) owner_.report_header(client_address_.ip, wrong);
  close(CloseReason::ProxyHeader);
}

/// Goes on until a backend accepts, one has to be waited for, or none is left.
void Session::try_backends() {
  for (;;) {
    const balancer::ServicePortEntry* entry = owner_.table().find(entrance_.service_port);
    const TimePoint now = owner_.clock().now();
    const balancer::ConnectionVerdict verdict =
        entry == nullptr ? balancer::ConnectionVerdict{} : judge(*entry);
    // Mostly the kernel has seen to it already.
    if (verdict.verdict == balancer::Verdict::Drop) return close(refusal(verdict.reason));
    const balancer::Backend* backend = nullptr;
    if (verdict.verdict == balancer::Verdict::Forward) {
      balancer::PickContext context;
      context.client = balancer::hash_of(client_address_.ip);
      context.chance = owner_.chance().next();
      context.now = now;
      backend = balancer::pick_backend(*entry, *verdict.decision, context, tried_);
    }
    if (backend == nullptr) {
      return close(tried_.empty()                               ? CloseReason::NoEndpoints
                   : last_error_ == ConnectError::NoDescriptors ? CloseReason::NoDescriptors
                                                                : CloseReason::ConnectFailed);
    }
    if (!tried_.empty()) owner_.mutable_counters().retries.add(1);
    begin_dial(*entry, *backend, now);
    switch (begin_connect(balancer::dial_address(entry->service_port, entrance_.kind,
                                                 backend->address, local_.port))) {
      case Connect::Established:
        return establish();
      case Connect::InProgress:
        return;
      case Connect::Failed:
        if (!note_failure(classify_connect_error(errno))) return;
    }
  }
}

balancer::ConnectionVerdict Session::judge(const balancer::ServicePortEntry& entry) const {
  const balancer::Asking asking{entrance_, client_address_.ip, local_.ip, asked_for_.has_value()};
  return balancer::verdict_for(entry, asking, owner_.table().node());
}

/// A dial is load from the choice on, so that those who choose meanwhile see it.
void Session::begin_dial(const balancer::ServicePortEntry& entry, const balancer::Backend& backend,
                         TimePoint now) {
  backend_address_ = backend.address;
  backend_state_ = backend.state;
  service_port_state_ = entry.state;
  header_ = entry.service_port.options.proxy_protocol;
  is_external_local_ = balancer::is_external_local(entry.service_port, entrance_.kind);
  backend_state_->load.fetch_add(1, std::memory_order_relaxed);
  service_port_state_->load.fetch_add(1, std::memory_order_relaxed);
  dial_began_ = now;
  dialling_ = true;
}

/// Without a session that comes of it.
void Session::end_dial() {
  if (!std::exchange(dialling_, false)) return;
  backend_state_->load.fetch_sub(1, std::memory_order_relaxed);
  service_port_state_->load.fetch_sub(1, std::memory_order_relaxed);
}

/// Whose address the backend is to see; nothing: this machine's. Whom a PROXY header names is not
/// who packets go back to.
std::optional<SocketAddress> Session::client_towards(const SocketAddress& backend) {
  const balancer::LocalNetworks* networks = owner_.local_networks();
  if (networks == nullptr || asked_for_) return std::nullopt;
  const balancer::ClientAndBackend both{client_address_.ip, local_.ip, backend.ip,
                                        is_external_local_};
  return balancer::keeps_client_address(both, *networks) ? std::optional(client_address_)
                                                         : std::nullopt;
}

/// ELOOP, like every other error, through errno.
Session::Connect Session::begin_connect(const SocketAddress& address) {
  if (owner_.own_listeners().lead_back(owner_.table(), entrance_.service_port, address)) {
    errno = ELOOP;
    return Connect::Failed;
  }
  Dial begun = dial(address, client_towards(address));
  if (begun.fallback) owner_.mutable_counters().client_address_failures[*begun.fallback].add(1);
  if (!begun.socket) {
    errno = begun.error;
    return Connect::Failed;
  }
  if (begun.as_client) owner_.mutable_counters().dials_as_client.add(1);
  if (owner_.own_listeners().have_wildcard(address) && comes_from(begun.socket.get(), address.ip) &&
      owner_.own_listeners().lead_back(owner_.table(), entrance_.service_port, address,
                                       balancer::OwnListeners::Local::Yes)) {
    errno = ELOOP;
    return Connect::Failed;
  }
  if (!backend_.assign(std::move(begun.socket))) return Connect::Failed;
  if (begun.connected) return Connect::Established;

  owner_.connecting().touch(*this);
  went_out();
  backend_.wait_writable([this, attempt = tried_.size()](const boost::system::error_code&) {
    // After the connect timeout another attempt may be under way when this one comes back.
    if (came_back() && attempt == tried_.size()) on_connect_writable();
  });
  if (!tried_.empty()) watch_client();
  return Connect::InProgress;
}

void Session::on_connect_writable() {
  if (state_ != State::Connecting) return;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(backend_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return establish();
  if (note_failure(classify_connect_error(error))) try_backends();
}

/// False if that was the last attempt; the session is closed then.
bool Session::note_failure(ConnectError error) {
  owner_.mutable_counters().connect_failures[error].add(1);
  last_error_ = error;
  end_dial();
  if (error != ConnectError::NoDescriptors) {
    const TimePoint now = owner_.clock().now();
    backend_state_->connect_latency.record_failure(now, now - dial_began_);
  }
  backend_.close();
  tried_.push_back(backend_address_);
  if (error == ConnectError::Loop) owner_.report_loop(*service_port_state_, backend_address_);
  if (log::enabled(log::Level::Debug)) {
    log::debug("a backend can't be reached", {{"service", service_port_state_->key.to_string()},
                                              {"backend", backend_address_.to_string()},
                                              {"reason", to_string(error)},
                                              {"attempt", tried_.size()}});
  }
  if (tried_.size() < owner_.options().max_attempts) return true;
  close(error == ConnectError::NoDescriptors ? CloseReason::NoDescriptors
                                             : CloseReason::ConnectFailed);
  return false;
}

/// A client that resets the connection while dead backends are tried frees its place at once.
void Session::watch_client() {
  went_out();
  client_.wait_error([this](const boost::system::error_code&) {
    if (!came_back() || state_ != State::Connecting) return;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(client_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) close(classify_io_error(Side::Client, error));
  });
}

void Session::establish() {
  state_ = State::Relaying;
  DeadlineList::remove(*this);
  owner_.idling().touch(*this);
  since_ = owner_.clock().wall();
  Counters& counters = owner_.mutable_counters();
  counters.sessions_opening.subtract(1);
  counters.sessions_active.add(1);
  service_port_state_->service->sessions_total.fetch_add(1, std::memory_order_relaxed);
  backend_state_->sessions.fetch_add(1, std::memory_order_relaxed);
  const TimePoint now = owner_.clock().now();
  backend_state_->connect_latency.record(now, now - dial_began_);
  dialling_ = false;  // its load is the session's from here on
  std::vector<SocketAddress>().swap(tried_);
  if (!introduce_client()) return;
  outward_.wait_readable();
  // Most clients speak first, and have spoken by now.
  inward_.pump();
}

/// Tells the backend who the client is, where its Service wants that. False if the backend was gone
/// already; what it said before is being passed on then, or all is over.
bool Session::introduce_client() {
  if (header_ == balancer::ProxyProtocol::None) return true;
  const std::string header =
      proxy_protocol::write_proxy_header(header_, {client_address_, asked_for_.value_or(local_)});
  inward_.send_first(std::as_bytes(std::span(header)));
  return state_ == State::Relaying && !target_failed_;
}

void Session::on_deadline() {
  if (state_ == State::AwaitingHeader) return refuse_header("no PROXY header in time");
  if (state_ == State::Relaying) return close(CloseReason::IdleTimeout);
  if (state_ == State::Connecting && note_failure(ConnectError::Timeout)) try_backends();
}

void Session::close(CloseReason reason) {
  if (state_ == State::Closing) return;
  Counters& counters = owner_.mutable_counters();
  if (state_ == State::Relaying) {
    counters.sessions_active.subtract(1);
    backend_state_->sessions.fetch_sub(1, std::memory_order_relaxed);
    backend_state_->load.fetch_sub(1, std::memory_order_relaxed);
    service_port_state_->load.fetch_sub(1, std::memory_order_relaxed);
  } else {
    end_dial();
    counters.sessions_opening.subtract(1);
  }
  counters.closed[reason].add(1);
  state_ = State::Closing;
  DeadlineList::remove(*this);
  // A good end would say that everything has arrived.
  if (ends_with_reset(reason) || inward_.blocked() || outward_.blocked()) {
    close_with_reset(client_.fd());
    if (backend_.is_open()) close_with_reset(backend_.fd());
  }
  client_.close();
  backend_.close();
  permit_.give_back();
  if (pending_ == 0) owner_.retire(*this);
}

bool Session::came_back() {
  --pending_;
  if (state_ != State::Closing) return true;
  if (pending_ == 0) owner_.retire(*this);
  return false;
}

Relay& Session::opposite(const Relay& relay) noexcept {
  return &relay == &inward_ ? outward_ : inward_;
}

void Session::on_moved(const Relay& relay, std::size_t size) {
  Counters& counters = owner_.mutable_counters();
  (relay.from_side() == Side::Client ? counters.bytes_in : counters.bytes_out).add(size);
  owner_.idling().touch(*this);
}

bool Session::on_source_ended(const Relay& relay) {
  if (!target_failed_ && !opposite(relay).finished()) return true;
  // After a reset the error is reported once, by whichever call came first; then the socket just
  // looks ended. It must not look so to the other side. In good order, closing tells it anyway.
  close(target_failed_ ? failed_reason_ : CloseReason::Finished);
  return false;
}

void Session::on_source_failed(const Relay& relay, int error) {
  close(target_failed_ ? failed_reason_ : classify_io_error(relay.from_side(), error));
}

/// A receiver that takes nothing any more may still have said something before it went: a server
/// that answers early and closes resets the connection when more of the request comes. What it
/// said is passed on first, then the end.
void Session::on_target_failed(const Relay& relay, int error) {
  const Side failed = relay.from_side() == Side::Client ? Side::Backend : Side::Client;
  target_failed_ = true;
  failed_reason_ = classify_io_error(failed, error);
  Relay& other = opposite(relay);
  if (other.finished() || other.broken()) return close(failed_reason_);
  other.pump();
}

SessionSnapshot Session::snapshot() const {
  WHERRY_ASSERT(established());
  return {service_port_state_->key, client_address_, backend_address_, since_,
          inward_.bytes(),          outward_.bytes()};
}

}  // namespace wherry::tcp
