#include "watcher/api/proxy_handshake.h"

#include "base/ip_address.h"
#include "watcher/api/base64.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);
constexpr std::size_t kLargestAnswer = 16u << 10;

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
  return index < kReasons.size() ? kReasons[index] : "code " + std::to_string(index);
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
  while (!answer_.ends_with("\r\n\r\n")) {
    if (answer_.size() > kLargestAnswer) co_return refused("answers without end");
    if (auto failure = co_await receive(1)) co_return failure;
  }
  // "HTTP/1.1 200 Connection established"
  const std::string line = answer_.substr(0, answer_.find('\r'));
  const std::size_t space = line.find(' ');
  if (!line.starts_with("HTTP/1.") || space == std::string::npos) {
    co_return refused("does not speak HTTP");
  }
  const std::string status = line.substr(space + 1, 3);
  if (status.starts_with('2')) co_return std::nullopt;
  if (status == "407") {
    co_return refused("wants a user and a password; write them into proxy-url");
  }
  co_return refused("does not let us through to " + authority + ": " + line.substr(space + 1, 100));
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
  if (method != '\x02' || !has_user) {
    co_return refused(has_user ? "takes no user and password"
                               : "wants a user and a password; write them into proxy-url");
  }
  if (auto failure = co_await send(socks_password(proxy_))) co_return failure;
  if (auto failure = co_await receive(2)) co_return failure;
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
  if (auto failure = co_await receive(5)) co_return failure;
  if (answer_[1] != 0) {
    co_return refused("does not let us through to " + server_.authority() + ": " +
                      socks_reason(answer_[1]));
  }
  // The address that it is bound to: four bytes, sixteen, or as many as the fifth says; and a port.
  const std::size_t rest = answer_[3] == '\x01'   ? 3 + 2
                           : answer_[3] == '\x04' ? 15 + 2
                                                  : static_cast<unsigned char>(answer_[4]) + 2u;
  co_return co_await receive(rest);
}

}  // namespace wherry::api
