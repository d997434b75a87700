#include "proxy/udp/unreachable_sender.h"

#include "proxy/udp/raw_socket.h"

#include <chrono>
#include <netinet/in.h>
#include <utility>

namespace wherry::udp {

bool UnreachableSender::send(Unreachable what, const Datagram& lost) {
  if (lost.asked.ip.is_unspecified() || lost.client.ip.family() != lost.asked.ip.family()) {
    return false;
  }
  const int fd = socket_of(lost.client.ip.family());
  if (fd < 0 || !within_rate()) return false;
  // Of joined datagrams the first stands for all.
  const std::size_t size = lost.segment == 0 ? lost.bytes.size() : lost.segment;
  const auto message = unreachable_message(what, lost.client, lost.asked, size);
  Outgoing outgoing;
  outgoing.to = SocketAddress{lost.client.ip, 0};
  outgoing.scope = lost.scope;
  outgoing.from = lost.asked.ip;
  outgoing.header = message;
  return batch_.send(fd, {&outgoing, 1}).error == 0;
}

int UnreachableSender::socket_of(IpFamily family) {
  Way& way = ways_[family == IpFamily::IPv4 ? 0 : 1];
  if (!std::exchange(way.was_tried, true)) {
    const int protocol = family == IpFamily::IPv4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    auto opened = open_raw_socket(family, protocol);
    if (opened) way.socket = std::move(*opened);
  }
  return way.socket.get();
}

bool UnreachableSender::within_rate() {
  const TimePoint now = clock_.now();
  if (now - second_begins_ >= std::chrono::seconds(1)) {
    second_begins_ = now;
    sent_in_second_ = 0;
  }
  return sent_in_second_++ < kMostPerSecond;
}

}  // namespace wherry::udp
