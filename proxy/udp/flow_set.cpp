#include "proxy/udp/flow_set.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"
#include "base/raw_socket_address.h"
#include "proxy/proxy_protocol/proxy_header.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::udp {
namespace {

using balancer::Backend;
using balancer::Decision;
using balancer::ServicePortEntry;
using balancer::Verdict;

/// Flows whose answers are looked at in one turn, and answers of one flow: others have theirs too.
constexpr int kFlowsPerTurn = 64;
constexpr std::size_t kAnswersPerTurn = 8;
/// For how many backends, and how long, it is known whether datagrams without answers lead back.
constexpr std::size_t kOneWayLoops = 4096;
constexpr Duration kOneWayLoopHolds = std::chrono::seconds(1);
/// `lo` is the first interface of every namespace (LOOPBACK_IFINDEX).
constexpr std::uint32_t kLoopbackInterface = 1;
/// Flows end a little late, many at once.
constexpr Duration kExpiryPause = std::chrono::milliseconds(100);
/// How long a stop waits for answers to what was sent already.
constexpr Duration kDrainWait = std::chrono::seconds(1);

Drop drop_of(balancer::Reason reason) {
  switch (reason) {
    case balancer::Reason::SourceRanges:
      return Drop::SourceRanges;
    case balancer::Reason::NoLocalEndpoints:
      return Drop::NoLocalEndpoints;
    default:
      return Drop::NoEndpoints;
  }
}

IpAddress source_of(int fd) {
  RawSocketAddress local;
  if (::getsockname(fd, local.get(), &local.size) != 0) return {};
  return local.to_socket_address().ip;
}

const Backend* backend_at(const ServicePortEntry& entry, const SocketAddress& address) {
  const auto found = std::lower_bound(
      entry.backends.begin(), entry.backends.end(), address,
      [](const Backend& backend, const SocketAddress& at) { return backend.address < at; });
  return found == entry.backends.end() || found->address != address ? nullptr : &*found;
}

bool wants_header(const ServicePortEntry& entry) {
  return entry.service_port.options.proxy_protocol != balancer::ProxyProtocol::None;
}

std::string header_of(const SocketAddress& client, const SocketAddress& asked) {
  return proxy_protocol::write_datagram_proxy_header({client, asked});
}

/// Whether the machine has run out of something that another flow can give back.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EADDRINUSE ||
         error == EADDRNOTAVAIL;
}

}  // namespace

FlowSet::FlowSet(asio::io_context& loop, Timers& timers, const Clock& clock,
                 const FlowOptions& options, OpenBackend open_backend)
    : timers_(timers),
      clock_(clock),
      options_(options),
      open_backend_(std::move(open_backend)),
      chance_(options.seed),
      table_(std::make_shared<const balancer::BackendTable>()),
      flows_(options.limits, chance_.next()),
      unreachable_(clock),
      poller_(loop) {}

FlowSet::~FlowSet() { WHERRY_ASSERT(flows_.size() == 0 && !is_waiting_); }

void FlowSet::receive(std::span<const Datagram> run, balancer::Entrance entrance,
                      ReplyPath& reply_path) {
  const Datagram& first = run.front();
  const ServicePortEntry* entry = table_->find(entrance.service_port);
  if (entry != nullptr && entry->service_port.options.udp_per_datagram) {
    const auto verdict = judge(entry, entrance, first);
    if (verdict.verdict != Verdict::Forward) return refuse(run, drop_of(verdict.reason));
    return spread(*entry, entrance.kind, *verdict.decision, run);
  }
  const FlowKey key{first.client, first.asked, first.scope, entrance};
  Flow* flow = flows_.find(key);
  if (flow != nullptr) {
    flows_.touch(*flow, clock_.now());
    if (flow->socket && !is_still_served(*flow, entry)) leave_backend(*flow);
  }
  if (flow == nullptr || !flow->socket) {
    const auto verdict = judge(entry, entrance, first);
    if (verdict.verdict != Verdict::Forward) {
      if (flow != nullptr) end(flows_.remove(*flow), FlowEnd::NotServed);
      return refuse(run, entry == nullptr ? Drop::NoService : drop_of(verdict.reason));
    }
    if (flow == nullptr) {
      flow = begin(key, *entry, *verdict.decision, reply_path, run);
      if (flow == nullptr) return;
    } else if (!give_backend(*flow, *entry, *verdict.decision)) {
      drop(run, Drop::BackendUnreachable);
      end(flows_.remove(*flow), FlowEnd::NotServed);
      return;
    }
  }
  send(*flow, entry, run);
}

/// What nobody may serve is refused as the kernel does it, what is dropped is dropped in silence.
void FlowSet::refuse(std::span<const Datagram> run, Drop reason) {
  drop(run, reason);
  if (reason != Drop::NoEndpoints && reason != Drop::NoService) return;
  if (unreachable_.send(Unreachable::Port, run.front())) counters_.unreachables.add(1);
}

void FlowSet::drop(std::span<const Datagram> run, Drop reason) {
  for (const Datagram& datagram : run) counters_.dropped[reason].add(datagram.count());
}

balancer::ConnectionVerdict FlowSet::judge(const ServicePortEntry* entry,
                                           balancer::Entrance entrance,
                                           const Datagram& datagram) const {
  if (entry == nullptr) return {};
  const balancer::Asking asking{entrance, datagram.client.ip, datagram.asked.ip, false,
                                kind_by_interface(datagram)};
  return balancer::verdict_for(*entry, asking, table_->node());
}

/// As the program of steering `node` tells it of connections (steer.bpf.c, client_kind()).
balancer::ClientKind FlowSet::kind_by_interface(const Datagram& datagram) const {
  if (datagram.interface == kLoopbackInterface) return balancer::ClientKind::Node;
  return std::binary_search(pod_interfaces_.begin(), pod_interfaces_.end(), datagram.interface)
             ? balancer::ClientKind::Pod
             : balancer::ClientKind::Outside;
}

/// Once for each table: whether its backend is still an endpoint that is Serving (U2).
bool FlowSet::is_still_served(Flow& flow, const ServicePortEntry* entry) {
  if (flow.checked_generation == table_->generation()) return true;
  if (entry == nullptr) return false;
  const Backend* backend = backend_at(*entry, flow.backend);
  if (backend == nullptr || !backend->endpoint->serving) return false;
  follow(flow, *entry);
  return true;
}

/// What the table says of a flow that goes on.
void FlowSet::follow(Flow& flow, const ServicePortEntry& entry) {
  flow.checked_generation = table_->generation();
  const bool has_header = wants_header(entry);
  if (has_header == flow.header.empty()) {
    flow.header = has_header ? header_of(flow.key.client, flow.key.asked) : std::string();
  }
  if (flows_.set_idle_timeout(flow, idle_timeout_of(entry))) arm();
}

Duration FlowSet::idle_timeout_of(const ServicePortEntry& entry) const {
  return entry.service_port.options.udp_idle_timeout.value_or(options_.idle_timeout);
}

Flow* FlowSet::begin(const FlowKey& key, const ServicePortEntry& entry, const Decision& decision,
                     ReplyPath& reply_path, std::span<const Datagram> run) {
  while (auto taken = flows_.make_room(key.client.ip)) end(std::move(taken->flow), taken->reason);
  Chosen chosen = choose(entry, decision, key, nullptr);
  if (chosen.backend == nullptr) {
    drop(run, chosen.reason);
    return nullptr;
  }
  Flow& flow = flows_.add(key, idle_timeout_of(entry), clock_.now());
  flow.reply_path = &reply_path;
  flow.since = clock_.wall();
  take(flow, std::move(chosen), entry);
  counters_.flows_active.add(1);
  counters_.flows_total.add(1);
  if (!expiry_.is_waiting() || flow.deadline->first < armed_for_) arm();
  return &flow;
}

bool FlowSet::give_backend(Flow& flow, const ServicePortEntry& entry, const Decision& decision) {
  Chosen chosen = choose(entry, decision, flow.key, &flow);
  if (chosen.backend == nullptr) return false;
  take(flow, std::move(chosen), entry);
  counters_.repicks.add(1);
  return true;
}

/// Another backend for each that has no way to it. One that has refused this flow is not tried
/// again where there is another.
FlowSet::Chosen FlowSet::choose(const ServicePortEntry& entry, const Decision& decision,
                                const FlowKey& key, const Flow* flow) {
  Chosen chosen;
  std::optional<SocketAddress> refused = flow == nullptr ? std::nullopt : flow->refused;
  std::vector<SocketAddress> tried;
  if (refused) tried.push_back(*refused);
  balancer::PickContext context;
  context.client = balancer::hash_of(key.client.ip);
  context.now = clock_.now();
  for (unsigned attempt = 0; attempt < options_.max_attempts; ++attempt) {
    context.chance = chance_.next();
    const Backend* backend = balancer::pick_backend(entry, decision, context, tried);
    if (backend == nullptr && refused) {
      refused.reset();
      tried.clear();
      backend = balancer::pick_backend(entry, decision, context, tried);
    }
    if (backend == nullptr) return chosen;
    const SocketAddress to = balancer::dial_address(entry.service_port, key.entrance.kind,
                                                    backend->address, key.asked.port);
    auto socket = open({key.client, key.asked, key.entrance.kind, entry, to}, flow);
    if (socket) {
      chosen.backend = backend;
      chosen.socket = std::move(*socket);
      return chosen;
    }
    chosen.reason = classify_backend_error(socket.error().value());
    tried.push_back(backend->address);
  }
  return chosen;
}

Result<UniqueFd> FlowSet::open(const Dial& dial, const Flow* flow) {
  // Of a range, where the backend has no port of that number: UDP would connect to port 0.
  if (dial.to.port == 0) return error_code(EINVAL, boost::system::system_category());
  if (poller() < 0) return error_code(EMFILE, boost::system::system_category());
  auto socket = open_backend_(dial);
  // Who speaks now comes before who has most, and of that one's flows what nobody has heard for
  // longest: a client that opens flow after flow takes from itself. A flow that wants another
  // backend is the youngest, since it was touched, and so never the one that goes.
  if (!socket && is_shortage(socket.error().value()) &&
      flows_.size() > (flow == nullptr ? 0u : 1u)) {
    end(flows_.remove_of_largest_source(), FlowEnd::FlowLimit);
    socket = open_backend_(dial);
  }
  if (!socket) return socket;
  if (leads_back(dial.entry, dial.to, socket->get())) {
    return error_code(ELOOP, boost::system::system_category());
  }
  return socket;
}

bool FlowSet::leads_back(const ServicePortEntry& entry, const SocketAddress& to, int connected) {
  if (own_listeners_.lead_back(*table_, entry.id, to)) return true;
  // Where the kernel takes the address itself as the source, it is one of this machine's.
  return own_listeners_.have_wildcard(to) && source_of(connected) == to.ip &&
         own_listeners_.lead_back(*table_, entry.id, to, balancer::OwnListeners::Local::Yes);
}

/// The socket for datagrams without answers is not connected, and does not tell.
bool FlowSet::leads_back_one_way(const ServicePortEntry& entry, const SocketAddress& to) {
  if (!own_listeners_.have_wildcard(to)) return own_listeners_.lead_back(*table_, entry.id, to);
  if (one_way_loops_.size() >= kOneWayLoops) one_way_loops_.clear();
  const TimePoint now = clock_.now();
  auto& known = one_way_loops_[{entry.id, to}];
  if (now < known.until) return known.leads_back;
  const auto probe = open_backend_socket(to);
  // Where a loop has eaten what there was, nothing is known of it; what is not sent ends it.
  known.leads_back =
      probe ? leads_back(entry, to, probe->get()) : is_shortage(probe.error().value());
  known.until = now + kOneWayLoopHolds;
  return known.leads_back;
}

void FlowSet::take(Flow& flow, Chosen chosen, const ServicePortEntry& entry) {
  flow.socket = std::move(chosen.socket);
  flow.backend = chosen.backend->address;
  flow.backend_state = chosen.backend->state;
  flow.service_port_state = entry.state;
  follow(flow, entry);
  flow.backend_state->load.fetch_add(1, std::memory_order_relaxed);
  flow.backend_state->sessions.fetch_add(1, std::memory_order_relaxed);
  flow.service_port_state->load.fetch_add(1, std::memory_order_relaxed);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &flow;
  // Fails where the kernel has no memory for it: the flow has no answers then, and ends idle.
  ::epoll_ctl(poller(), EPOLL_CTL_ADD, flow.socket.get(), &event);
  wait();
}

void FlowSet::leave_backend(Flow& flow) noexcept {
  if (!flow.socket) return;
  flow.socket.reset();
  flow.backend_state->load.fetch_sub(1, std::memory_order_relaxed);
  flow.backend_state->sessions.fetch_sub(1, std::memory_order_relaxed);
  flow.service_port_state->load.fetch_sub(1, std::memory_order_relaxed);
}

void FlowSet::send(Flow& flow, const ServicePortEntry* entry, std::span<const Datagram> run) {
  if (flow.header.empty()) return send_at_once(flow, entry, run);
  send_with_header(flow, entry, run);
}

/// One header goes before each datagram, and the kernel, which splits joined ones, would put it
/// before the first alone.
void FlowSet::send_with_header(Flow& flow, const ServicePortEntry* entry,
                               std::span<const Datagram> run) {
  std::array<Datagram, SendBatch::kMost> singles;
  std::size_t count = 0;
  const auto flush = [&] {
    const auto those = std::span<const Datagram>(singles).first(std::exchange(count, 0));
    // Its backend may have been lost with those before.
    if (!flow.socket) return drop(those, Drop::BackendUnreachable);
    send_at_once(flow, entry, those);
  };
  for (const Datagram& joined : run) {
    for (std::size_t i = 0; i < joined.count(); ++i) {
      singles[count++] = joined.one(i);
      if (count == singles.size()) flush();
    }
  }
  flush();
}

void FlowSet::send_at_once(Flow& flow, const ServicePortEntry* entry,
                           std::span<const Datagram> run) {
  std::array<Outgoing, SendBatch::kMost> all;
  for (std::size_t i = 0; i < run.size(); ++i) {
    all[i].header = std::as_bytes(std::span(flow.header));
    all[i].bytes = run[i].bytes;
    all[i].segment = run[i].segment;
  }
  unsigned attempts = 1;
  for (std::size_t at = 0; at < run.size();) {
    const auto sent = sending_.send(flow.socket.get(), {all.data() + at, run.size() - at});
    for (std::size_t i = at; i < at + sent.count; ++i) count_sent(flow, run[i]);
    at += sent.count;
    if (sent.error == 0) return;
    switch (classify_backend_error(sent.error)) {
      case Drop::BackendBusy:
        return drop(run.subspan(at), Drop::BackendBusy);
      case Drop::TooLarge:
      case Drop::NoDescriptors:
        drop(run.subspan(at, 1), classify_backend_error(sent.error));
        ++at;
        continue;
      default:
        break;
    }
    // An error of what was sent before: this one has not left yet, and another backend may take it.
    note_failure(flow, sent.error, run[at]);
    const auto verdict = judge(entry, flow.key.entrance, run[at]);
    if (attempts++ >= options_.max_attempts || verdict.verdict != Verdict::Forward ||
        !give_backend(flow, *entry, *verdict.decision)) {
      return drop(run.subspan(at), classify_backend_error(sent.error));
    }
  }
}

void FlowSet::count_sent(Flow& flow, const Datagram& datagram) {
  flow.bytes_in += datagram.bytes.size();
  flow.awaits_answer = true;
  counters_.bytes_in.add(datagram.bytes.size());
  counters_.datagrams_in.add(datagram.count());
}

/// The backend, or a router, has said that a datagram of this flow came to no one. The client is
/// told, and the next datagram goes elsewhere.
void FlowSet::note_failure(Flow& flow, int error, const Datagram& lost) {
  const Drop reason = classify_backend_error(error);
  counters_.dropped[reason].add(1);
  const auto what = reason == Drop::BackendRefused ? Unreachable::Port : Unreachable::Host;
  if (unreachable_.send(what, lost)) counters_.unreachables.add(1);
  flow.refused = flow.backend;
  leave_backend(flow);
}

/// Each datagram for itself: no flow, no answers.
void FlowSet::spread(const ServicePortEntry& entry, balancer::AddressKind kind,
                     const Decision& decision, std::span<const Datagram> run) {
  balancer::PickContext context;
  context.client = balancer::hash_of(run.front().client.ip);
  context.now = clock_.now();
  std::string header;  // of all: they have the same client and address
  if (wants_header(entry)) header = header_of(run.front().client, run.front().asked);
  for (const Datagram& joined : run) {
    for (std::size_t i = 0; i < joined.count(); ++i) {
      const Datagram one = joined.one(i);
      context.chance = chance_.next();
      const Backend* backend = balancer::pick_backend(entry, decision, context, {});
      if (backend == nullptr) {
        drop({&one, 1}, Drop::NoEndpoints);
        continue;
      }
      const SocketAddress to =
          balancer::dial_address(entry.service_port, kind, backend->address, one.asked.port);
      const int fd = one_way_socket(to.ip.family());
      if (fd < 0 || leads_back_one_way(entry, to)) {
        drop({&one, 1}, fd < 0 ? Drop::NoDescriptors : Drop::Loop);
        continue;
      }
      Outgoing outgoing;
      outgoing.to = to;
      outgoing.header = std::as_bytes(std::span(header));
      outgoing.bytes = one.bytes;
      if (const auto sent = sending_.send(fd, {&outgoing, 1}); sent.error != 0) {
        drop({&one, 1}, classify_backend_error(sent.error));
        continue;
      }
      counters_.bytes_in.add(one.bytes.size());
      counters_.datagrams_in.add(1);
    }
  }
}

int FlowSet::one_way_socket(IpFamily family) {
  UniqueFd& socket = one_way_[family == IpFamily::IPv4 ? 0 : 1];
  if (!socket) {
    if (auto opened = open_one_way_socket(family)) socket = std::move(*opened);
  }
  return socket.get();
}

int FlowSet::poller() {
  if (poller_.is_open()) return poller_.native_handle();
  UniqueFd made(::epoll_create1(EPOLL_CLOEXEC));
  if (!made) return -1;
  error_code error;
  poller_.assign(made.get(), error);
  return error ? -1 : made.release();
}

void FlowSet::wait() {
  if (is_waiting_ || !poller_.is_open()) return;
  is_waiting_ = true;
  poller_.async_wait(decltype(poller_)::wait_read, [this](const error_code& error) {
    is_waiting_ = false;
    if (error || !poller_.is_open()) return;
    on_answers();
    wait();
  });
}

void FlowSet::on_answers() {
  std::array<epoll_event, kFlowsPerTurn> events;
  const int ready = ::epoll_wait(poller_.native_handle(), events.data(), kFlowsPerTurn, 0);
  // Reading may end no flow but by flush_answers(), which ends those that were read already.
  for (int i = 0; i < ready; ++i) {
    read_answers(*static_cast<Flow*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  flush_answers();
  check_drained();
}

void FlowSet::read_answers(Flow& flow) {
  if (answers_ == ReceiveBatch::kMost) flush_answers();
  if (const int error = take_answers(flow, kAnswersPerTurn)) {
    // It comes before answers that are there already: they are read first.
    while (take_answers(flow, ReceiveBatch::kMost) == 0 && answers_ == ReceiveBatch::kMost) {
      flush_answers();
    }
    Datagram lost;
    lost.client = flow.key.client;
    lost.asked = flow.key.asked;
    lost.scope = flow.key.scope;
    note_failure(flow, error, lost);
  }
  flows_.touch(flow, clock_.now());
}

/// An errno value where the socket has one that is not just that nothing is there.
int FlowSet::take_answers(Flow& flow, std::size_t most) {
  const auto got = batch_.receive(flow.socket.get(), answers_, most);
  for (std::size_t i = answers_; i < answers_ + got.count; ++i) {
    batch_[i].client = flow.key.client;
    batch_[i].asked = flow.key.asked;
    batch_[i].scope = flow.key.scope;
    answering_[i] = &flow;
  }
  answers_ += got.count;
  return got.error == EAGAIN ? 0 : got.error;
}

void FlowSet::flush_answers() {
  std::size_t begin = 0;
  while (begin < answers_) {
    ReplyPath* const path = answering_[begin]->reply_path;
    std::size_t end = begin + 1;
    while (end < answers_ && answering_[end]->reply_path == path) ++end;
    std::array<bool, ReceiveBatch::kMost> failed{};
    const auto on_failed = [&](std::size_t index, int error) {
      failed[begin + index] = true;
      drop(batch_.first(end).subspan(begin + index, 1), classify_client_error(error));
    };
    path->send(batch_.first(end).subspan(begin), std::ref(on_failed));  // which allocates nothing
    for (std::size_t i = begin; i < end; ++i) {
      Flow& flow = *answering_[i];
      flow.awaits_answer = false;
      if (failed[i]) continue;
      flow.bytes_out += batch_[i].bytes.size();
      counters_.bytes_out.add(batch_[i].bytes.size());
      counters_.datagrams_out.add(batch_[i].count());
    }
    begin = end;
  }
  answers_ = 0;
}

void FlowSet::end_flows_of(const ReplyPath& reply_path) {
  std::vector<Flow*> those;
  flows_.for_each([&](Flow& flow) {
    if (flow.reply_path == &reply_path) those.push_back(&flow);
  });
  for (Flow* flow : those) end(flows_.remove(*flow), FlowEnd::ListenerClosed);
}

void FlowSet::end(std::unique_ptr<Flow> flow, FlowEnd reason) {
  leave_backend(*flow);
  counters_.flows_active.subtract(1);
  counters_.ended[reason].add(1);
}

void FlowSet::end_all(FlowEnd reason) {
  while (auto flow = flows_.remove_oldest()) end(std::move(flow), reason);
}

void FlowSet::arm() {
  const auto next = flows_.next_deadline();
  if (!next) return;
  armed_for_ = *next;
  expiry_ = timers_.schedule(std::max(*next - clock_.now(), kExpiryPause), [this] { expire(); });
}

void FlowSet::expire() {
  const TimePoint now = clock_.now();
  while (auto flow = flows_.take_expired(now)) end(std::move(flow), FlowEnd::IdleTimeout);
  arm();
  check_drained();
}

void FlowSet::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  drain_end_ = timers_.schedule(kDrainWait, [this] {
    end_all(FlowEnd::Shutdown);
    check_drained();
  });
  check_drained();
}

/// While it drains: ends the flows that wait for nothing, and says when none is left.
void FlowSet::check_drained() {
  if (!drained_) return;
  std::vector<Flow*> done;
  flows_.for_each([&](Flow& flow) {
    if (!flow.awaits_answer || !flow.socket) done.push_back(&flow);
  });
  for (Flow* flow : done) end(flows_.remove(*flow), FlowEnd::Shutdown);
  if (flows_.size() > 0) return;
  drain_end_.cancel();
  std::exchange(drained_, {})();
}

void FlowSet::stop() {
  end_all(FlowEnd::Shutdown);
  drained_ = {};
  expiry_.cancel();
  drain_end_.cancel();
  error_code ignored;
  poller_.close(ignored);
}

std::vector<FlowSnapshot> FlowSet::snapshots() {
  std::vector<FlowSnapshot> all;
  all.reserve(flows_.size());
  flows_.for_each([&all](const Flow& flow) {
    all.push_back({flow.service_port_state->key, flow.key.client, flow.backend, flow.since,
                   flow.bytes_in, flow.bytes_out});
  });
  return all;
}

}  // namespace wherry::udp
