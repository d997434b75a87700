#include "watcher/api/server_url.h"

#include "base/ip_address.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <optional>

namespace wherry::api {
namespace {

namespace urls = boost::urls;

struct Parts {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;  ///< 0: none
  std::string path;
  std::string user;
  std::string password;
};

std::string in_brackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

std::variant<Parts, UrlFault> split(std::string_view text, std::string_view default_scheme,
                                    std::string_view example) {
  const std::string remedy = "; write one such as " + std::string(example);
  if (text.empty()) return UrlFault{"is empty" + remedy};
  const bool has_scheme = text.find("://") != std::string_view::npos;
  const std::string whole =
      has_scheme ? std::string(text) : std::string(default_scheme) + "://" + std::string(text);
  const auto parsed = urls::parse_uri(whole);
  if (!parsed) return UrlFault{"is no URL (" + parsed.error().message() + ')' + remedy};
  Parts parts;
  parts.scheme = parsed->scheme();
  parts.host = parsed->host_address();
  parts.path = parsed->path();
  parts.user = parsed->user();
  parts.password = parsed->password();
  if (parts.host.empty()) return UrlFault{"names no host" + remedy};
  if (parsed->has_port() && !parsed->port().empty()) {
    parts.port = parsed->port_number();
    if (parts.port == 0) return UrlFault{"has a port that is none; a port is 1 to 65535"};
  }
  if (parsed->has_query() || parsed->has_fragment()) {
    return UrlFault{"has a query or a fragment, which an address of a server has not" + remedy};
  }
  return parts;
}

}  // namespace

std::string ServerUrl::authority() const { return in_brackets(host) + ':' + std::to_string(port); }

std::string ServerUrl::to_string() const {
  return (tls ? "https://" : "http://") + authority() + path;
}

std::variant<ServerUrl, UrlFault> parse_server_url(std::string_view text, bool tls_is_likely) {
  auto split_up = split(text, tls_is_likely ? "https" : "http", "https://10.0.0.1:6443");
  if (auto* fault = std::get_if<UrlFault>(&split_up)) return std::move(*fault);
  Parts& parts = std::get<Parts>(split_up);
  if (parts.scheme != "https" && parts.scheme != "http") {
    return UrlFault{"has the scheme " + parts.scheme + "; an API server speaks https (or http)"};
  }
  if (!parts.user.empty() || !parts.password.empty()) {
    return UrlFault{"has a user in it; give the user its own entry under users"};
  }
  ServerUrl url;
  url.tls = parts.scheme == "https";
  url.host = std::move(parts.host);
  url.port = parts.port != 0 ? parts.port : url.tls ? 443 : 80;
  url.path = std::move(parts.path);
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

std::string ProxyUrl::to_string() const {
  const char* scheme = kind == Kind::Http    ? "http://"
                       : kind == Kind::Https ? "https://"
                                             : "socks5://";
  return scheme + in_brackets(host) + ':' + std::to_string(port);
}

std::variant<ProxyUrl, UrlFault> parse_proxy_url(std::string_view text) {
  auto split_up = split(text, "http", "http://10.0.0.1:3128 or socks5://127.0.0.1:1080");
  if (auto* fault = std::get_if<UrlFault>(&split_up)) return std::move(*fault);
  Parts& parts = std::get<Parts>(split_up);
  ProxyUrl url;
  std::uint16_t port = 80;
  if (parts.scheme == "https") {
    url.kind = ProxyUrl::Kind::Https;
    port = 443;
  } else if (parts.scheme == "socks5" || parts.scheme == "socks5h") {
    url.kind = ProxyUrl::Kind::Socks5;
    port = 1080;
  } else if (parts.scheme != "http") {
    return UrlFault{"has the scheme " + parts.scheme + "; write http, https or socks5"};
  }
  url.host = std::move(parts.host);
  url.port = parts.port != 0 ? parts.port : port;
  url.user = std::move(parts.user);
  url.password = Secret(parts.password);
  wipe(parts.password);
  return url;
}

std::string without_user(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string_view::npos || scheme > at ? 0 : scheme + 3;
  return std::string(url.substr(0, begin)) + "..." + std::string(url.substr(at));
}

}  // namespace wherry::api
