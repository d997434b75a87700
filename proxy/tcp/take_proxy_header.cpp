#include "proxy/tcp/take_proxy_header.h"

#include "base/assert.h"
#include "proxy/tcp/socket_calls.h"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace wherry::tcp {
namespace {

using proxy_protocol::kLongestProxyHeader;
using proxy_protocol::ProxyHeader;
using What = TakenProxyHeader::What;

/// Nearly all headers are shorter; the client's own first bytes need no copying.
constexpr std::size_t kFirstLook = 512;

/// Whether the peer sends nothing more: all that it has sent is in the queue then.
bool has_ended(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
         info.tcpi_state != TCP_ESTABLISHED;
}

void set_low_water(int socket, std::size_t size) {
  const int value = static_cast<int>(size);
  // Where it fails the socket is readable too often, for no longer than the header's deadline.
  ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

TakenProxyHeader wrong(std::string_view what) { return {What::Wrong, std::nullopt, what, 0}; }
TakenProxyHeader failed(int error) { return {What::Failed, std::nullopt, {}, error}; }

TakenProxyHeader take(int socket, const ProxyHeader& header, std::span<std::byte> scratch) {
  const ssize_t n = receive(socket, scratch.data(), header.size, 0);
  if (n < 0) return failed(errno);
  WHERRY_ASSERT(static_cast<std::size_t>(n) == header.size);  // it was all there a moment ago
  set_low_water(socket, 1);
  return {What::Taken, header.connection, {}, 0};
}

}  // namespace

TakenProxyHeader take_proxy_header(int socket, std::span<std::byte> scratch) {
  std::size_t room = kFirstLook;
  bool ended = false;
  for (;;) {
    const ssize_t n = receive(socket, scratch.data(), room, MSG_PEEK);
    if (n < 0 && errno != EAGAIN) return failed(errno);
    if (n == 0) return wrong({});
    const auto bytes = scratch.first(n < 0 ? 0 : static_cast<std::size_t>(n));
    const ProxyHeader header = proxy_protocol::read_proxy_header(bytes);
    switch (header.state) {
      case ProxyHeader::State::Whole:
        return take(socket, header, scratch);
      case ProxyHeader::State::Wrong:
        return wrong(header.wrong);
      case ProxyHeader::State::Incomplete:
        break;
    }
    if (bytes.size() == room && room < kLongestProxyHeader) {
      room = kLongestProxyHeader;
    } else if (ended) {
      return wrong("a PROXY header that breaks off");
    } else if (has_ended(socket)) {
      ended = true;  // more may have come just before
    } else {
      set_low_water(socket, header.size);
      return {};
    }
  }
}

}  // namespace wherry::tcp
