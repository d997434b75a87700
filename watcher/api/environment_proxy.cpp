#include "watcher/api/environment_proxy.h"

#include "base/cidr.h"
#include "base/ip_address.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace wherry::api {
namespace {

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view get(const Environment& environment, std::string_view upper) {
  const std::string_view found = environment.get(upper);
  return found.empty() ? environment.get(in_lower_case(upper)) : found;
}

/// Takes ":port" off the end; 0 where there is none.
std::uint16_t take_port(std::string_view& entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos) return 0;
  // "fd00::1" is an address, "[fd00::1]:443" and "host:443" have a port.
  if (entry.find(':') != colon && !(colon > 0 && entry[colon - 1] == ']')) return 0;
  std::uint16_t port = 0;
  const char* const end = entry.data() + entry.size();
  const auto [rest, error] = std::from_chars(entry.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end) return 0;
  entry = entry.substr(0, colon);
  return port;
}

bool is_excluded_by(std::string_view entry, const std::string& host,
                    const std::optional<IpAddress>& ip, std::uint16_t port) {
  if (entry == "*") return true;
  if (const auto block = Cidr::parse(entry)) return ip && block->contains(*ip);
  const std::uint16_t entry_port = take_port(entry);
  if (entry_port != 0 && entry_port != port) return false;
  if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
  if (const auto address = IpAddress::parse(entry)) return ip && *ip == *address;
  if (ip) return false;
  // "example.com" means itself and what is under it, ".example.com" and "*.example.com" the latter.
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) return host.ends_with(entry);
  return host == entry || host.ends_with('.' + std::string(entry));
}

bool is_excluded(const Environment& environment, const ServerUrl& server) {
  const std::string host = in_lower_case(server.host);
  const auto ip = IpAddress::parse(host);
  if (host == "localhost" || (ip && ip->is_loopback())) return true;
  const std::string list = in_lower_case(get(environment, "NO_PROXY"));
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view entry = trimmed(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (!entry.empty() && is_excluded_by(entry, host, ip, server.port)) return true;
  }
  return false;
}

}  // namespace

std::variant<std::optional<ProxyUrl>, UrlFault> proxy_of_environment(const Environment& environment,
                                                                     const ServerUrl& server) {
  const std::string variable = server.tls ? "HTTPS_PROXY" : "HTTP_PROXY";
  const std::string_view text = get(environment, variable);
  if (text.empty() || is_excluded(environment, server)) return std::optional<ProxyUrl>();
  auto parsed = parse_proxy_url(text);
  if (const auto* fault = std::get_if<UrlFault>(&parsed)) {
    return UrlFault{"the environment's " + variable + ' ' + fault->text};
  }
  return std::optional(std::move(std::get<ProxyUrl>(parsed)));
}

}  // namespace wherry::api
