#include "proxy/steer/local_routes.h"

#include "base/raw_socket_address.h"

#include <cerrno>
#include <linux/rtnetlink.h>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

/// `lo` is the first interface of every namespace (LOOPBACK_IFINDEX).
constexpr std::uint32_t kLoopbackIndex = 1;

rtmsg route_message(const Cidr& destination) {
  rtmsg message{};
  message.rtm_family = static_cast<unsigned char>(address_family(destination.family()));
  message.rtm_dst_len = static_cast<unsigned char>(destination.prefix_length());
  message.rtm_table = RT_TABLE_LOCAL;
  message.rtm_protocol = kRouteProtocol;
  message.rtm_scope = RT_SCOPE_HOST;
  message.rtm_type = RTN_LOCAL;
  return message;
}

NetlinkRequest request_of(std::uint16_t type, unsigned flags, const Cidr& destination) {
  NetlinkRequest request(type, flags);
  request.fixed(route_message(destination));
  if (destination.prefix_length() > 0) request.attribute(RTA_DST, destination.base());
  request.number(RTA_OIF, kLoopbackIndex).number(RTA_PRIORITY, kRouteMetric);
  return request;
}

std::optional<LocalRoute> route_of(const NetlinkAnswer& answer, unsigned char family) {
  const auto* message = answer.fixed<rtmsg>();
  // A kernel before 4.20 does not filter.
  if (message == nullptr || message->rtm_family != family ||
      message->rtm_protocol != kRouteProtocol || message->rtm_table != RT_TABLE_LOCAL ||
      message->rtm_type != RTN_LOCAL) {
    return std::nullopt;
  }
  const auto attributes = answer.attributes<rtmsg>();
  if (attributes.number(RTA_PRIORITY) != kRouteMetric) return std::nullopt;
  const auto destination = attributes.find(RTA_DST);
  const auto address = destination
                           ? destination->address()
                           : IpAddress::any(family == AF_INET ? IpFamily::IPv4 : IpFamily::IPv6);
  if (!address) return std::nullopt;
  const auto cidr = Cidr::parse(address->to_string() + '/' + std::to_string(message->rtm_dst_len));
  if (!cidr) return std::nullopt;
  const auto source = attributes.find(RTA_PREFSRC);
  return LocalRoute{*cidr, source ? source->address() : std::nullopt};
}

}  // namespace

Result<std::vector<LocalRoute>> NetlinkLocalRoutes::list() {
  std::vector<LocalRoute> routes;
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    if (const auto error = list(family, routes)) return error;
  }
  return routes;
}

error_code NetlinkLocalRoutes::list(IpFamily ip_family, std::vector<LocalRoute>& into) {
  const auto family = static_cast<unsigned char>(address_family(ip_family));
  rtmsg filter{};
  filter.rtm_family = family;
  filter.rtm_table = RT_TABLE_LOCAL;
  filter.rtm_protocol = kRouteProtocol;
  filter.rtm_type = RTN_LOCAL;
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
  request.fixed(filter);
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) {
    // A namespace that never had a local route has no table for them; a kernel may lack IPv6.
    const auto& error = answers.error();
    return error == errc::no_such_file_or_directory || is_missing_family(error) ? error_code()
                                                                                : error;
  }
  answers->each(RTM_NEWROUTE, [&into, family](const NetlinkAnswer& answer) {
    if (auto route = route_of(answer, family)) into.push_back(std::move(*route));
  });
  return {};
}

std::vector<RouteFailure> NetlinkLocalRoutes::put(std::span<const LocalRoute> routes) {
  std::vector<NetlinkRequest> requests;
  for (const LocalRoute& route : routes) {
    requests.push_back(request_of(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route.destination));
    if (route.source) requests.back().attribute(RTA_PREFSRC, *route.source);
  }
  auto failures = netlink_.request_all(std::move(requests));
  std::vector<RouteFailure> failed;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    // IPv4 says so when what is to be replaced is the same already.
    if (failures[i] && failures[i].code != errc::file_exists) {
      failed.push_back({routes[i], std::move(failures[i])});
    }
  }
  return failed;
}

std::vector<RouteFailure> NetlinkLocalRoutes::remove(std::span<const Cidr> destinations) {
  std::vector<NetlinkRequest> requests;
  for (const Cidr& destination : destinations) {
    requests.push_back(request_of(RTM_DELROUTE, 0, destination));
  }
  auto failures = netlink_.request_all(std::move(requests));
  std::vector<RouteFailure> failed;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    const auto& code = failures[i].code;
    if (code && code != errc::no_such_process && code != errc::no_such_file_or_directory) {
      failed.push_back({{destinations[i], std::nullopt}, std::move(failures[i])});
    }
  }
  return failed;
}

}  // namespace wherry::steer
