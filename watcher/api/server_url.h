#pragma once

#include "base/secret.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

/// Addresses of servers and proxies as people write them. Pure.
namespace wherry::api {

/// What stands in the way of a text being an address: what is wrong and what would be right.
struct UrlFault {
  std::string text;
};

/// Where an API server is.
struct ServerUrl {
  bool tls = true;
  std::string host;  ///< a name or an IP address, without brackets
  std::uint16_t port = 443;
  std::string path;  ///< "" or "/k8s/clusters/c-1": stands before every request's path

  /// "host:port", an IPv6 address in brackets.
  [[nodiscard]] std::string authority() const;
  /// "https://host:port/path".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ServerUrl&, const ServerUrl&) = default;
};

/// "https://10.0.0.1:6443", "http://127.0.0.1:8001", "[fd00::1]:6443". Without a scheme it is https
/// where `tls_is_likely`, else http, as client-go has it.
[[nodiscard]] std::variant<ServerUrl, UrlFault> parse_server_url(std::string_view text,
                                                                 bool tls_is_likely);

/// The same text for messages: without the user and password that may stand in it by mistake.
[[nodiscard]] std::string without_user(std::string_view url);

/// A proxy on the way to the server (A28, A31).
struct ProxyUrl {
  enum class Kind : std::uint8_t { Http, Https, Socks5 };
  Kind kind = Kind::Http;
  std::string host;
  std::uint16_t port = 80;
  std::string user;
  Secret password;

  /// Without user and password.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ProxyUrl&, const ProxyUrl&) = default;
};

/// "http://proxy:3128", "https://user:password@proxy", "socks5://127.0.0.1:1080". Without a scheme
/// it is http.
[[nodiscard]] std::variant<ProxyUrl, UrlFault> parse_proxy_url(std::string_view text);

}  // namespace wherry::api
