#include "proxy/steer/netlink_watch.h"

#include "base/unique_fd.h"
#include "proxy/steer/local_routes.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {

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
    : own_port_(own_port),
      on_change_(std::move(on_change)),
      watch_(loop,
             RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                 RTMGRP_IPV6_ROUTE,
             {.on_message = [this](const NetlinkAnswer& message) { look_at(message); },
              .on_loss = [this] { change_ = {true, true, true, true}; },
              .on_end =
                  [this] {
                    const NetworkChange change = std::exchange(change_, {});
                    if (change != NetworkChange{}) on_change_(change);
                  }}) {}

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
    case RTM_DELROUTE: {
      const auto* route = message.fixed<rtmsg>();
      if (route == nullptr) return;
      if (route->rtm_type == RTN_UNICAST) change_.routes = true;
      // An operator's too (`ip route add local CIDR dev lo`): Services may be served there. What
      // the kernel does by itself has no sender.
      if (route->rtm_type == RTN_LOCAL && (own_port_ == 0 || message.sender() != own_port_)) {
        change_.local_routes = true;
      }
      return;
    }
    default:
      return;
  }
}

}  // namespace wherry::steer
