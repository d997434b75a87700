#include "proxy/steer/netlink_watch.h"

#include "base/unique_fd.h"
#include "proxy/steer/local_routes.h"
#include "proxy/steer/mark_rule.h"
#include "proxy/steer/traffic_control.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

/// Of RTMGRP_IPV6_RULE the kernel's headers have only the number.
constexpr unsigned kIpv6RuleGroup = 1u << (RTNLGRP_IPV6_RULE - 1);

}  // namespace

class NetlinkWatch::Descriptor {
 public:
  Descriptor(asio::io_context& loop, int fd) : stream(loop, fd) {}
  asio::posix::stream_descriptor stream;
};

NetlinkWatch::NetlinkWatch(asio::io_context& loop, unsigned groups, Listener listener)
    : listener_(std::move(listener)) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  descriptor_ = std::make_unique<Descriptor>(loop, fd.release());
}

NetlinkWatch::~NetlinkWatch() { stop(); }

void NetlinkWatch::start() {
  if (descriptor_) wait();
}

void NetlinkWatch::stop() noexcept {
  if (!descriptor_) return;
  error_code ignored;
  descriptor_->stream.close(ignored);
}

void NetlinkWatch::wait() {
  descriptor_->stream.async_wait(asio::posix::descriptor_base::wait_read,
                                 [this](const error_code& error) {
                                   if (error) return;
                                   read_all();
                                   // A stopped one's wait ends with an error at once.
                                   wait();
                                 });
}

void NetlinkWatch::read_all() {
  alignas(nlmsghdr) std::array<std::byte, 16 * 1024> buffer{};
  const int fd = descriptor_->stream.native_handle();
  for (;;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      if (listener_.on_loss) listener_.on_loss();
      continue;
    }
    if (size <= 0) break;
    std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(size));
    while (const auto message = NetlinkAnswers::take(rest)) {
      if (listener_.on_message) listener_.on_message(*message);
    }
  }
  if (listener_.on_end) listener_.on_end();
}

NetworkWatch::NetworkWatch(asio::io_context& loop, std::uint32_t own_port,
                           std::function<void(const NetworkChange&)> on_change)
    : on_change_(std::move(on_change)),
      watch_(loop,
             RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                 RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE | kIpv6RuleGroup | RTMGRP_TC,
             {.on_message = [this](const NetlinkAnswer& message) { look_at(message); },
              .on_loss = [this] { change_ = {true, true, true, true, true}; },
              .on_end =
                  [this] {
                    const NetworkChange change = std::exchange(change_, {});
                    if (change != NetworkChange{}) on_change_(change);
                  }}) {
  pass_over(own_port);
}

void NetworkWatch::pass_over(std::uint32_t own_port) {
  if (own_port != 0) own_ports_.push_back(own_port);
}

/// What the kernel does by itself has no sender.
bool NetworkWatch::is_ours(const NetlinkAnswer& message) const {
  return std::find(own_ports_.begin(), own_ports_.end(), message.sender()) != own_ports_.end();
}

void NetworkWatch::look_at(const NetlinkAnswer& message) {
  switch (message.type()) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      change_.interfaces = true;
      return;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      change_.addresses = true;
      return;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      look_at_route(message);
      return;
    default:
      change_.return_path |=
          !is_ours(message) && (tells_of_removed_rule(message) || tells_of_removed_filter(message));
      return;
  }
}

void NetworkWatch::look_at_route(const NetlinkAnswer& message) {
  const auto* route = message.fixed<rtmsg>();
  if (route == nullptr) return;
  if (route->rtm_type == RTN_UNICAST) change_.routes = true;
  if (route->rtm_type != RTN_LOCAL || is_ours(message)) return;
  // Of the tables only those of mark rules have routes of ours besides `local`.
  if (route->rtm_protocol == kRouteProtocol &&
      message.attributes<rtmsg>().number(RTA_TABLE) != RT_TABLE_LOCAL) {
    change_.return_path = true;
    return;
  }
  // An operator's too (`ip route add local CIDR dev lo`): Services may be served there.
  change_.local_routes = true;
}

}  // namespace wherry::steer
