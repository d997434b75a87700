#include "proxy/steer/local_addresses.h"

#include "base/raw_socket_address.h"
#include "base/unique_fd.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

/// Asks the kernel how it would route to an address: RTN_LOCAL, RTN_UNICAST, ... Binding a socket
/// would tell the same, but not where net.ipv4.ip_nonlocal_bind is set.
std::optional<unsigned char> route_type(int netlink, std::uint32_t sequence,
                                        const IpAddress& address) {
  struct Request {
    nlmsghdr header;
    rtmsg route;
    std::array<char, RTA_SPACE(16)> attributes;
  } request{};
  const auto bytes = address.bytes();
  request.header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_SPACE(bytes.size()));
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = sequence;
  request.route.rtm_family = static_cast<unsigned char>(address_family(address.family()));
  request.route.rtm_dst_len = static_cast<unsigned char>(bytes.size() * 8);
  auto* attribute = reinterpret_cast<rtattr*>(request.attributes.data());
  attribute->rta_type = RTA_DST;
  attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(RTA_DATA(attribute)));
  if (::send(netlink, &request, request.header.nlmsg_len, 0) < 0) return std::nullopt;

  // The kernel answers before send() returns; what is older belongs to a question that failed.
  for (;;) {
    alignas(nlmsghdr) std::array<char, 4096> answer{};
    const ssize_t size = ::recv(netlink, answer.data(), answer.size(), MSG_DONTWAIT);
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (header->nlmsg_seq != sequence) continue;
    if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(rtmsg))) ||
        header->nlmsg_type != RTM_NEWROUTE) {
      return std::nullopt;
    }
    return reinterpret_cast<const rtmsg*>(answer.data() + NLMSG_HDRLEN)->rtm_type;
  }
}

}  // namespace

KernelAddresses::KernelAddresses()
    : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}

bool KernelAddresses::contains(const IpAddress& address) const {
  // The wildcard and all of loopback can always be listened on, and are asked for most.
  if (address.is_unspecified() || address.is_loopback()) return true;
  return route_type(netlink_.get(), ++sequence_, address) == RTN_LOCAL;
}

class AddressWatch::Descriptor {
 public:
  Descriptor(asio::io_context& loop, int fd) : stream(loop, fd) {}
  asio::posix::stream_descriptor stream;
};

AddressWatch::AddressWatch(asio::io_context& loop, std::function<void()> on_change)
    : on_change_(std::move(on_change)) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return;
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups =
      RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_LINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) return;
  descriptor_ = std::make_unique<Descriptor>(loop, fd.release());
}

AddressWatch::~AddressWatch() { stop(); }

void AddressWatch::start() {
  if (descriptor_) wait();
}

void AddressWatch::stop() noexcept {
  if (!descriptor_) return;
  boost::system::error_code ignored;
  descriptor_->stream.close(ignored);
}

void AddressWatch::wait() {
  descriptor_->stream.async_wait(
      asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        // What changed does not matter, nor that some messages were lost (ENOBUFS): whoever is
        // told looks at everything.
        std::array<char, 8192> dropped{};
        while (::recv(descriptor_->stream.native_handle(), dropped.data(), dropped.size(),
                      MSG_DONTWAIT) > 0) {
        }
        on_change_();
        wait();
      });
}

}  // namespace wherry::steer
