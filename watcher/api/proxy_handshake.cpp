#include "watcher/api/proxy_handshake.h"

#include "base/ip_address.h"
#include "base/quoted.h"
#include "watcher/api/base64.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace wherry::api {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);
/// Of all heads together: a proxy's are a few lines.
constexpr std::size_t kLargestAnswer = 16u << 10;
constexpr std::string_view kHttp = "HTTP/1.";

/// Whether what has come so far is, or may become, an answer in HTTP.
bool may_be_http(std::string_view head) {
  return head.substr(0, kHttp.size()) == kHttp.substr(0, head.size());
}

/// An empty line ends it; a lone LF ends a line too (RFC 9112 section 2.2).
bool is_whole(std::string_view head) { return head.ends_with("\n\r\n") || head.ends_with("\n\n"); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Of "HTTP/1.1 200 Connection established"; nothing where that is no status line (RFC 9112
/// section 4). The reason and the space before it may lack.
std::optional<int> status_of(std::string_view line) {
  constexpr std::size_t kDigits = kHttp.size() + 2;  // after the minor version and a space
  if (!line.starts_with(kHttp) || line.size() < kDigits + 3) return std::nullopt;
  if (!is_digit(line[kHttp.size()]) || line[kDigits - 1] != ' ') return std::nullopt;
  if (line.size() > kDigits + 3 && line[kDigits + 3] != ' ') return std::nullopt;
  int status = 0;
  for (const char c : line.substr(kDigits, 3)) {
    if (!is_digit(c)) return std::nullopt;
    status = 10 * status + (c - '0');
  }
  return status;
}

std::string socks_reason(char code) {
  constexpr std::array<const char*, 9> kReasons = {"",
                                                   "general failure",
                                                   "its rules forbid it",
                                                   "the network is unreachable",
                                                   "the host is unreachable",
                                                   "the connection was refused",
                                                   "time to live expired",
                                                   "it does not connect",
                                                   "it does not take this kind of address"};
  const auto index = static_cast<unsigned char>(code);
  return index < kReasons.size() ? kReasons[index]
                                 : "a code that is not assigned, " + std::to_string(index);
}

/// RFC 1929; both are at most 255 bytes.
std::string socks_password(const ProxyUrl& proxy) {
  std::string text("\x01", 1);
  text += static_cast<char>(proxy.user.size());
  text += proxy.user;
  text += static_cast<char>(proxy.password.view().size());
  text += proxy.password.view();
  return text;
}

std::string socks_request(const ServerUrl& server) {
  std::string text("\x05\x01\x00", 3);
  const auto ip = IpAddress::parse(server.host);
  if (!ip) {
    text += '\x03';
    text += static_cast<char>(server.host.size());
    text += server.host;
  } else {
    text += ip->family() == IpFamily::IPv4 ? '\x01' : '\x04';
    for (const auto byte : ip->bytes()) text += static_cast<char>(byte);
  }
  text += static_cast<char>(server.port >> 8);
  text += static_cast<char>(server.port & 0xff);
  return text;
}

}  // namespace

ProxyHandshake::ProxyHandshake(Transport& transport, const ProxyUrl& proxy, const ServerUrl& server,
                               Timers& timers)
    : transport_(transport),
      proxy_(proxy),
      server_(server),
      deadline_(timers, kPatience, transport) {}

ApiFailure ProxyHandshake::refused(const std::string& what) const {
  return {ApiErrc::Proxy, "the proxy " + proxy_.to_string() + ' ' + what};
}

/// What an error within the conversation means.
ApiFailure ProxyHandshake::broken(const error_code& error) const {
  if (deadline_.has_passed()) return refused("does not answer in time");
  if (error == asio::error::eof) return refused("ends the connection");
  return refused("fails: " + error.message());
}

asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::send(std::string bytes) {
  const error_code error = co_await transport_.write(bytes);
  wipe(bytes);  // some have a password in them
  if (error) co_return broken(error);
  co_return std::nullopt;
}

/// No byte more than that: what comes after the answer is the server's and must stay unread.
asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::receive(std::size_t size) {
  while (size > 0) {
    std::array<char, 512> bytes{};
    const std::span<char> part(bytes.data(), std::min(size, bytes.size()));
    const Result<std::size_t> got = co_await transport_.read_some(part);
    if (!got) co_return broken(got.error());
    answer_.append(bytes.data(), *got);
    size -= *got;
  }
  co_return std::nullopt;
}

asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::run() {
  if (proxy_.kind == ProxyUrl::Kind::Socks5) co_return co_await connect_by_socks();
  co_return co_await connect_by_http();
}

asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::connect_by_http() {
  const std::string authority = server_.authority();
  std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!proxy_.user.empty()) {
    std::string pair = proxy_.user + ':';
    pair += proxy_.password.view();
    request += "Proxy-Authorization: Basic " + encode_base64(pair) + "\r\n";
    wipe(pair);
  }
  request += "\r\n";
  if (auto failure = co_await send(std::move(request))) co_return failure;
  for (;;) {
    const std::size_t begin = answer_.size();
    if (auto failure = co_await receive_head()) co_return failure;
    const std::string line = answer_.substr(begin, answer_.find_first_of("\r\n", begin) - begin);
    const std::optional<int> status = status_of(line);
    if (!status)
      co_return refused("answers with no HTTP status: " + printable(line.substr(0, 100)));
    // Another 1xx says that the answer is still to come (RFC 9110 section 15.2).
    if (*status / 100 == 1 && *status != 101) continue;
    if (*status / 100 == 2) co_return std::nullopt;
    if (*status == 407) {
      co_return refused(proxy_.user.empty()
                            ? "wants a user and a password; write them into proxy-url"
                            : "refuses the user and password of proxy-url");
    }
    co_return refused("does not let us through to " + authority + ": " +
                      printable(line.substr(kHttp.size() + 2, 100)));
  }
}

/// Up to its end and no byte further. What can't be HTTP is not waited for.
asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::receive_head() {
  const std::size_t begin = answer_.size();
  for (;;) {
    if (answer_.size() == kLargestAnswer) co_return refused("answers without end");
    if (auto failure = co_await receive(1)) co_return failure;
    const std::string_view head = std::string_view(answer_).substr(begin);
    if (!may_be_http(head)) co_return refused("does not speak HTTP");
    if (is_whole(head)) co_return std::nullopt;
  }
}

asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::log_in_to_socks() {
  const bool has_user = !proxy_.user.empty();
  std::string greeting("\x05\x01\x00", 3);
  if (has_user) greeting = std::string("\x05\x02\x00\x02", 4);
  if (auto failure = co_await send(std::move(greeting))) co_return failure;
  if (auto failure = co_await receive(2)) co_return failure;
  if (answer_[0] != '\x05') co_return refused("does not speak SOCKS 5");
  const char method = answer_[1];
  answer_.clear();
  if (method == 0) co_return std::nullopt;
  if (method == '\xff') {
    co_return refused(has_user ? "takes no user and password"
                               : "wants a user and a password; write them into proxy-url");
  }
  if (method != '\x02' || !has_user) {
    co_return refused("wants to know us in a way that was not offered to it (SOCKS 5 method " +
                      std::to_string(static_cast<unsigned char>(method)) + ')');
  }
  if (auto failure = co_await send(socks_password(proxy_))) co_return failure;
  if (auto failure = co_await receive(2)) co_return failure;
  if (answer_[0] != '\x01') co_return refused("answers to user and password with no RFC 1929");
  if (answer_[1] != 0) co_return refused("refuses the user and password of proxy-url");
  answer_.clear();
  co_return std::nullopt;
}

asio::awaitable<ProxyHandshake::MaybeFailure> ProxyHandshake::connect_by_socks() {
  if (proxy_.user.size() > 255 || proxy_.password.view().size() > 255 ||
      server_.host.size() > 255) {
    co_return refused("takes names and passwords of at most 255 bytes");
  }
  if (auto failure = co_await log_in_to_socks()) co_return failure;
  if (auto failure = co_await send(socks_request(server_))) co_return failure;
  // Some say no more than that when they refuse.
  if (auto failure = co_await receive(2)) co_return failure;
  if (answer_[0] != '\x05') co_return refused("does not speak SOCKS 5");
  if (answer_[1] != 0) {
    co_return refused("does not let us through to " + server_.authority() + ": " +
                      socks_reason(answer_[1]));
  }
  // A reserved zero, and the address that it is bound to: its kind, four bytes, sixteen, or as many
  // as the first of them says, and a port.
  if (auto failure = co_await receive(3)) co_return failure;
  std::size_t rest = 2;
  switch (answer_[2] == 0 ? answer_[3] : '\0') {
    case '\x01':
      rest += 3;
      break;
    case '\x03':
      rest += static_cast<unsigned char>(answer_[4]);
      break;
    case '\x04':
      rest += 15;
      break;
    default:
      co_return refused("answers with no address in SOCKS 5");
  }
  co_return co_await receive(rest);
}

}  // namespace wherry::api
