// A PROXY header is the same however few of its bytes have come and whatever follows it, and what
// was read can be written and read again.

#include "proxy/tcp/proxy_header.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace {

namespace tcp = wherry::tcp;
using State = tcp::ProxyHeader::State;
using wherry::balancer::ProxyProtocol;
using wherry::fuzz::require;

bool same(const tcp::ProxyHeader& a, const tcp::ProxyHeader& b) {
  return a.state == b.state && a.size == b.size && a.connection == b.connection &&
         a.wrong == b.wrong;
}

void require_written_again(const tcp::ProxiedConnection& connection) {
  for (const auto version : {ProxyProtocol::V1, ProxyProtocol::V2}) {
    const std::string text = tcp::write_proxy_header(version, connection);
    const auto header = tcp::read_proxy_header(std::as_bytes(std::span(text)));
    require(header.state == State::Whole && header.size == text.size(), "what is written is whole");
    require(header.connection == connection, "what is written says the same", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const tcp::ProxyHeader all = tcp::read_proxy_header(bytes);
  if (all.state == State::Whole) {
    require(all.size > 0 && all.size <= size, "a header lies in what was read");
    require(all.size <= tcp::kLongestProxyHeader, "no header is longer than the longest");
    require(same(all, tcp::read_proxy_header(bytes.first(all.size))),
            "what follows counts for nothing");
    if (all.connection) require_written_again(*all.connection);
  }
  if (all.state == State::Incomplete) {
    require(all.size > size && all.size <= tcp::kLongestProxyHeader,
            "more is asked for, with an end");
  }
  // Every byte of a line counts; of longer ones the edges do.
  bool decided = false;
  for (std::size_t part = 0; part < std::min<std::size_t>(size, 300); ++part) {
    const tcp::ProxyHeader some = tcp::read_proxy_header(bytes.first(part));
    if (some.state != State::Incomplete) decided = true;
    require(!decided || same(some, all), "what was decided stays");
    if (some.state == State::Incomplete && all.state == State::Whole) {
      require(some.size > part && some.size <= all.size, "not more is asked for than there is");
    }
  }
  return 0;
}
