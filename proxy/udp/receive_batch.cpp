#include "proxy/udp/receive_batch.h"

#include "base/raw_socket_address.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>

namespace wherry::udp {
namespace {

bool enable(int fd, int level, int name) noexcept {
  const int on = 1;
  return ::setsockopt(fd, level, name, &on, sizeof on) == 0;
}

SocketAddress address_in(const void* name, std::size_t size) noexcept {
  RawSocketAddress raw;
  std::memcpy(&raw.storage, name, std::min(size, sizeof raw.storage));
  return raw.to_socket_address();
}

template <class T>
T value_in(const cmsghdr& header) noexcept {
  T value{};
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

}  // namespace

ReceiveBatch::ReceiveBatch()
    : buffers_(std::make_unique_for_overwrite<std::byte[]>(kMost * kSize)) {
  for (std::size_t i = 0; i < kMost; ++i) {
    vectors_[i] = {buffers_.get() + i * kSize, kSize};
    msghdr& message = messages_[i].msg_hdr;
    message.msg_iov = &vectors_[i];
    message.msg_iovlen = 1;
    message.msg_name = &names_[i];
    message.msg_control = controls_[i].bytes.data();
  }
}

ReceiveBatch::Received ReceiveBatch::receive(int fd, std::size_t first, std::size_t most) noexcept {
  overflows_ = 0;
  const std::size_t places = std::min(most, kMost - first);
  for (std::size_t i = first; i < first + places; ++i) {
    messages_[i].msg_hdr.msg_namelen = sizeof names_[i];
    messages_[i].msg_hdr.msg_controllen = controls_[i].bytes.size();
  }
  const int count = ::recvmmsg(fd, messages_.data() + first, static_cast<unsigned>(places),
                               MSG_DONTWAIT, nullptr);
  if (count < 0) return {0, errno};
  for (std::size_t i = first; i < first + static_cast<std::size_t>(count); ++i) {
    msghdr& message = messages_[i].msg_hdr;
    Datagram& datagram = datagrams_[i];
    datagram = {};
    datagram.client = address_in(message.msg_name, message.msg_namelen);
    if (names_[i].ss_family == AF_INET6) {
      datagram.scope = reinterpret_cast<const sockaddr_in6*>(&names_[i])->sin6_scope_id;
    }
    datagram.bytes = {buffers_.get() + i * kSize, messages_[i].msg_len};
    read_control(message, datagram);
  }
  return {static_cast<std::size_t>(count), 0};
}

void ReceiveBatch::read_control(msghdr& message, Datagram& datagram) noexcept {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if ((at->cmsg_level == SOL_IP && at->cmsg_type == IP_ORIGDSTADDR) ||
        (at->cmsg_level == SOL_IPV6 && at->cmsg_type == IPV6_ORIGDSTADDR)) {
      datagram.asked = address_in(CMSG_DATA(at), at->cmsg_len - CMSG_LEN(0));
    } else if (at->cmsg_level == SOL_IP && at->cmsg_type == IP_PKTINFO) {
      datagram.interface = static_cast<std::uint32_t>(value_in<in_pktinfo>(*at).ipi_ifindex);
    } else if (at->cmsg_level == SOL_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      datagram.interface = value_in<in6_pktinfo>(*at).ipi6_ifindex;
    } else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO) {
      const int segment = value_in<int>(*at);
      if (segment > 0 && static_cast<std::size_t>(segment) < datagram.bytes.size()) {
        datagram.segment = static_cast<std::size_t>(segment);
      }
    } else if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SO_RXQ_OVFL) {
      overflows_ = value_in<std::uint32_t>(*at);
    }
  }
}

bool receive_asked(int fd, IpFamily family) noexcept {
  return family == IpFamily::IPv4 ? enable(fd, IPPROTO_IP, IP_RECVORIGDSTADDR)
                                  : enable(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR);
}

bool receive_interface(int fd, IpFamily family) noexcept {
  return family == IpFamily::IPv4 ? enable(fd, IPPROTO_IP, IP_PKTINFO)
                                  : enable(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

void join_datagrams(int fd) noexcept { enable(fd, IPPROTO_UDP, UDP_GRO); }

void count_overflows(int fd) noexcept { enable(fd, SOL_SOCKET, SO_RXQ_OVFL); }

}  // namespace wherry::udp
