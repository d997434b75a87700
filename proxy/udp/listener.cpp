#include "proxy/udp/listener.h"

#include "base/assert.h"
#include "base/log.h"
#include "proxy/udp/raw_socket.h"

#include <cerrno>
#include <chrono>
#include <tuple>
#include <utility>

namespace wherry::udp {
namespace {

/// Batches in one turn: others have theirs too.
constexpr int kBatchesPerTurn = 4;
/// At a stop, of what came before it.
constexpr int kMostQueuedBatches = 256;
constexpr Duration kPause = std::chrono::milliseconds(100);

bool same_flow(const Datagram& a, const Datagram& b) {
  return a.client == b.client && a.asked == b.asked && a.scope == b.scope;
}

}  // namespace

Listener::Listener(asio::io_context& loop, Timers& timers, FlowSet& flows, UniqueFd socket,
                   const SocketAddress& address, balancer::Entrance entrance)
    : socket_(loop),
      unwatched_(std::move(socket)),
      timers_(timers),
      flows_(flows),
      address_(address.ip.is_unspecified() ? std::nullopt : std::optional(address)),
      entrance_(entrance),
      reply_path_(std::make_unique<BoundReplyPath>(
          unwatched_.get(),
          address_ ? BoundReplyPath::Source::Socket : BoundReplyPath::Source::Asked)) {
  prepare(address.ip.family());
}

Listener::Listener(asio::io_context& loop, Timers& timers, FlowSet& flows, UniqueFd socket,
                   IpFamily family, EntranceOf entrance_of, std::unique_ptr<ReplyPath> reply_path)
    : socket_(loop),
      unwatched_(std::move(socket)),
      timers_(timers),
      flows_(flows),
      entrance_of_(std::move(entrance_of)),
      reply_path_(std::move(reply_path)) {
  prepare(family);
}

Listener::~Listener() { WHERRY_ASSERT(pending_ == 0 && !socket_.is_open()); }

void Listener::prepare(IpFamily family) {
  const int fd = unwatched_.get();
  // Neither fails on a kernel that we run on; without fragments large answers would be lost.
  std::ignore = allow_fragments(fd, family);
  if (!address_) std::ignore = receive_asked(fd, family);
  if (entrance_of_) std::ignore = receive_interface(fd, family);
  join_datagrams(fd);
  count_overflows(fd);
}

void Listener::start() {
  error_code error;
  socket_.assign(unwatched_.get(), error);
  if (error) {
    // Datagrams wait in its queue meanwhile.
    log::warn("datagrams can't be read at the moment", {{"reason", error.message()}});
    pause_ = timers_.schedule(kPause, [this] { start(); });
    return;
  }
  std::ignore = unwatched_.release();
  wait();
}

void Listener::wait() {
  ++pending_;
  socket_.async_wait(decltype(socket_)::wait_read, [this](const error_code& error) {
    --pending_;
    if (error || !socket_.is_open() || !is_reading_) return;
    read_some(kBatchesPerTurn);
    wait();  // ends at once if there is more, after others had their turn
  });
}

void Listener::read_some(int batches) {
  ReceiveBatch& batch = flows_.batch();
  for (int i = 0; i < batches; ++i) {
    const auto got = batch.receive(socket_.native_handle(), 0, ReceiveBatch::kMost);
    if (got.count == 0) return;
    note_overflows();
    pass_on(batch.first(got.count));
    if (got.count < ReceiveBatch::kMost) return;
  }
}

void Listener::pass_on(std::span<Datagram> datagrams) {
  if (address_) {
    for (Datagram& datagram : datagrams) datagram.asked = *address_;
  }
  for (std::size_t begin = 0; begin < datagrams.size();) {
    std::size_t end = begin + 1;
    while (end < datagrams.size() && same_flow(datagrams[begin], datagrams[end])) ++end;
    const auto run = datagrams.subspan(begin, end - begin);
    begin = end;
    const SocketAddress& asked = run.front().asked;
    const auto entrance = entrance_ ? entrance_ : entrance_of_(asked);
    // Nobody may answer from an address of many.
    if (asked.ip.is_multicast() || !entrance) {
      flows_.refuse(run, Drop::NoService);
    } else {
      flows_.receive(run, *entrance, *reply_path_);
    }
  }
}

void Listener::note_overflows() {
  const std::uint32_t now = flows_.batch().overflows();
  if (now == 0 || now == overflows_) return;
  // The kernel's count may go past its end.
  flows_.mutable_counters().dropped[Drop::QueueFull].add(now - overflows_);
  overflows_ = now;
}

void Listener::stop_reading() {
  if (socket_.is_open()) read_some(kMostQueuedBatches);
  is_reading_ = false;
}

void Listener::stop() {
  pause_.cancel();
  unwatched_.reset();
  is_reading_ = false;
  flows_.end_flows_of(*reply_path_);
  if (!socket_.is_open()) return;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace wherry::udp
