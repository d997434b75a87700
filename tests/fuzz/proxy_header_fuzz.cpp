// A PROXY header is the same however few of its bytes have come and whatever follows it, and what
// was read can be written and read again.

#include "proxy/proxy_protocol/proxy_header.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace {

namespace proxy_protocol = wherry::proxy_protocol;
using State = proxy_protocol::ProxyHeader::State;
using wherry::balancer::ProxyProtocol;
using wherry::fuzz::require;

bool same(const proxy_protocol::ProxyHeader& a, const proxy_protocol::ProxyHeader& b) {
  return a.state == b.state && a.size == b.size && a.connection == b.connection &&
         a.wrong == b.wrong;
}

void require_written_again(const proxy_protocol::ProxiedConnection& connection) {
  for (const auto version : {ProxyProtocol::V1, ProxyProtocol::V2}) {
    const std::string text = proxy_protocol::write_proxy_header(version, connection);
    const auto header = proxy_protocol::read_proxy_header(std::as_bytes(std::span(text)));
    require(header.state == State::Whole && header.size == text.size(), "what is written is whole");
    require(header.connection == connection, "what is written says the same", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const proxy_protocol::ProxyHeader all = proxy_protocol::read_proxy_header(bytes);
  if (all.state == State::Whole) {
    require(all.size > 0 && all.size <= size, "a header lies in what was read");
    require(all.size <= proxy_protocol::kLongestProxyHeader,
            "no header is longer than the longest");
    require(same(all, proxy_protocol::read_proxy_header(bytes.first(all.size))),
            "what follows counts for nothing");
    if (all.connection) require_written_again(*all.connection);
  }
  if (all.state == State::Incomplete) {
    require(all.size > size && all.size <= proxy_protocol::kLongestProxyHeader,
            "more is asked for, with an end");
  }
  // Every byte of a line counts; of longer ones the edges do.
  bool decided = false;
  for (std::size_t part = 0; part < std::min<std::size_t>(size, 300); ++part) {
    const proxy_protocol::ProxyHeader some = proxy_protocol::read_proxy_header(bytes.first(part));
    if (some.state != State::Incomplete) decided = true;
    require(!decided || same(some, all), "what was decided stays");
    if (some.state == State::Incomplete && all.state == State::Whole) {
      require(some.size > part && some.size <= all.size, "not more is asked for than there is");
    }
  }
  return 0;
}
