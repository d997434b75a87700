#include "proxy/steer/interfaces.h"

#include "base/raw_socket_address.h"
#include "base/read_file.h"

#include <algorithm>
#include <charconv>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

/// A sysctl's number; 0, the kernel's default, where it can't be read.
std::uint32_t read_number(const std::string& path) {
  const auto text = read_file(path, 64);
  std::uint32_t number = 0;
  if (text) (void)std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

Interface interface_of(const ifinfomsg& link, const NetlinkAttributes& attributes) {
  Interface found;
  found.index = static_cast<unsigned>(link.ifi_index);
  found.name = attributes.text(IFLA_IFNAME);
  found.master = attributes.number(IFLA_MASTER);
  if (const auto mac = attributes.find(IFLA_ADDRESS); mac && mac->bytes().size() == 6) {
    std::transform(mac->bytes().begin(), mac->bytes().end(), found.mac.begin(),
                   [](std::byte each) { return std::to_integer<std::uint8_t>(each); });
  }
  found.kind = attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND);
  found.is_loopback = (link.ifi_flags & IFF_LOOPBACK) != 0;
  found.is_up = (link.ifi_flags & IFF_UP) != 0;
  found.has_arp = !found.is_loopback && (link.ifi_flags & IFF_NOARP) == 0;
  const auto values = attributes.nested(IFLA_AF_SPEC).nested(AF_INET).find(IFLA_INET_CONF);
  if (values) {
    // The kernel counts the settings from 1, and the array from 0.
    const auto ignore = values->number_at(IPV4_DEVCONF_ARP_IGNORE - 1);
    const auto announce = values->number_at(IPV4_DEVCONF_ARP_ANNOUNCE - 1);
    if (ignore && announce) found.arp = ArpValues{*ignore, *announce};
  }
  return found;
}

std::optional<Cidr> destination_of(const rtmsg& route, const NetlinkAttributes& attributes) {
  const auto attribute = attributes.find(RTA_DST);
  const auto address =
      attribute ? attribute->address()
                : IpAddress::any(route.rtm_family == AF_INET ? IpFamily::IPv4 : IpFamily::IPv6);
  if (!address) return std::nullopt;
  return Cidr::parse(address->to_string() + '/' + std::to_string(route.rtm_dst_len));
}

/// A route may have several next hops; each is one way.
void add_routes(const rtmsg& route, const NetlinkAttributes& attributes,
                std::vector<UnicastRoute>& into) {
  const auto destination = destination_of(route, attributes);
  if (!destination) return;
  const auto hops = attributes.find(RTA_MULTIPATH);
  if (!hops) {
    into.push_back({*destination, attributes.number(RTA_OIF),
                    attributes.find(RTA_GATEWAY).has_value() || attributes.find(RTA_VIA)});
    return;
  }
  for (auto rest = hops->bytes(); rest.size() >= sizeof(rtnexthop);) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(rest.data());
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > rest.size()) return;
    const NetlinkAttributes of_hop(
        rest.subspan(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop)));
    into.push_back({*destination, static_cast<unsigned>(hop->rtnh_ifindex),
                    of_hop.find(RTA_GATEWAY).has_value() || of_hop.find(RTA_VIA)});
    rest = rest.subspan(std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), rest.size()));
  }
}

}  // namespace

const InterfaceAddress* NetworkState::find(const IpAddress& address) const {
  for (const Interface& each : interfaces) {
    for (const InterfaceAddress& of_it : each.addresses) {
      if (of_it.ip == address) return &of_it;
    }
  }
  return nullptr;
}

Result<NetworkState> NetlinkReader::read() {
  NetworkState state;
  if (const auto error = read_links(state)) return error;
  if (const auto error = read_addresses(state)) return error;
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    if (const auto error = read_routes(state, family)) return error;
  }
  // The path leads to the namespace of the thread that opens it.
  state.arp_of_all = {read_number("/proc/sys/net/ipv4/conf/all/arp_ignore"),
                      read_number("/proc/sys/net/ipv4/conf/all/arp_announce")};
  return state;
}

error_code NetlinkReader::read_links(NetworkState& into) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP);
  request.fixed(ifinfomsg{}).number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) return answers.error();
  answers->each(RTM_NEWLINK, [&into](const NetlinkAnswer& answer) {
    const auto* link = answer.fixed<ifinfomsg>();
    if (link == nullptr) return;
    into.interfaces.push_back(interface_of(*link, answer.attributes<ifinfomsg>()));
  });
  return {};
}

error_code NetlinkReader::read_addresses(NetworkState& into) {
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
  request.fixed(ifaddrmsg{});
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) return answers.error();
  answers->each(RTM_NEWADDR, [&into](const NetlinkAnswer& answer) {
    const auto* message = answer.fixed<ifaddrmsg>();
    if (message == nullptr) return;
    const auto attributes = answer.attributes<ifaddrmsg>();
    // Of a point-to-point link IFA_ADDRESS is the other end.
    auto attribute = attributes.find(IFA_LOCAL);
    if (!attribute) attribute = attributes.find(IFA_ADDRESS);
    const auto ip = attribute ? attribute->address() : std::nullopt;
    const auto owner =
        std::find_if(into.interfaces.begin(), into.interfaces.end(),
                     [message](const Interface& each) { return each.index == message->ifa_index; });
    if (!ip || owner == into.interfaces.end()) return;
    const auto long_flags = attributes.find(IFA_FLAGS);
    const std::uint32_t flags = long_flags ? long_flags->number() : message->ifa_flags;
    owner->addresses.push_back(
        {.ip = *ip,
         .prefix_length = message->ifa_prefixlen,
         .is_link_local = message->ifa_scope == RT_SCOPE_LINK,
         .is_tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0});
  });
  return {};
}

error_code NetlinkReader::read_routes(NetworkState& into, IpFamily ip_family) {
  const auto family = static_cast<unsigned char>(address_family(ip_family));
  // All tables but for what is no unicast: the local table may hold ten thousand of ours.
  rtmsg filter{};
  filter.rtm_family = family;
  filter.rtm_type = RTN_UNICAST;
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
  request.fixed(filter);
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) {
    // A kernel without the family has no routes of it.
    return is_missing_family(answers.error()) ? error_code() : answers.error();
  }
  answers->each(RTM_NEWROUTE, [&into, family](const NetlinkAnswer& answer) {
    const auto* route = answer.fixed<rtmsg>();
    if (route == nullptr || route->rtm_type != RTN_UNICAST || route->rtm_family != family) return;
    if ((route->rtm_flags & RTM_F_CLONED) != 0) return;
    add_routes(*route, answer.attributes<rtmsg>(), into.routes);
  });
  return {};
}

NetlinkFailure NetlinkArpSwitch::set(unsigned interface, const ArpValues& values) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(interface);
  NetlinkRequest request(RTM_SETLINK, 0);
  request.fixed(link).nested(IFLA_AF_SPEC | NLA_F_NESTED, [&values](NetlinkRequest& families) {
    families.nested(AF_INET | NLA_F_NESTED, [&values](NetlinkRequest& inet) {
      inet.nested(IFLA_INET_CONF | NLA_F_NESTED, [&values](NetlinkRequest& settings) {
        settings.number(IPV4_DEVCONF_ARP_IGNORE, values.ignore);
        settings.number(IPV4_DEVCONF_ARP_ANNOUNCE, values.announce);
      });
    });
  });
  return netlink_.request(std::move(request));
}

}  // namespace wherry::steer
