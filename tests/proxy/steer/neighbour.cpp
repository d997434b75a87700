#include "tests/proxy/steer/neighbour.h"

#include "base/raw_socket_address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

constexpr int kPatience = 1000;  // milliseconds
constexpr int kRounds = 5;

struct ArpPacket {
  ether_header ethernet;
  ether_arp arp;
} __attribute__((packed));

std::uint16_t in_network_order(unsigned value) { return htons(static_cast<std::uint16_t>(value)); }

UniqueFd packet_socket(const std::string& interface) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, in_network_order(ETH_P_ARP)));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = in_network_order(ETH_P_ARP);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0)
      << std::strerror(errno);
  return fd;
}

/// Without the sender's hardware address it would not be answered.
struct Solicitation {
  nd_neighbor_solicit fixed;
  nd_opt_hdr option;
  std::array<std::uint8_t, 6> hardware;
};

std::array<std::uint8_t, 6> hardware_address(int fd) {
  ifreq request{};
  std::strcpy(request.ifr_name, "far");
  EXPECT_EQ(::ioctl(fd, SIOCGIFHWADDR, &request), 0) << std::strerror(errno);
  std::array<std::uint8_t, 6> address{};
  std::memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
  return address;
}

bool is_readable(int fd) {
  pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, kPatience) == 1;
}

/// The next ARP packet of a kind: who it says that it is from.
std::optional<IpAddress> next_sender(int fd, unsigned operation) {
  while (is_readable(fd)) {
    ArpPacket packet{};
    if (::recv(fd, &packet, sizeof packet, 0) != static_cast<ssize_t>(sizeof packet)) continue;
    if (packet.arp.ea_hdr.ar_op != in_network_order(operation)) continue;
    return IpAddress::from_bytes({packet.arp.arp_spa, 4});
  }
  return std::nullopt;
}

}  // namespace

std::vector<IpAddress> ask_who_has(const std::vector<IpAddress>& addresses) {
  const UniqueFd fd = packet_socket("far");
  const auto hardware = hardware_address(fd.get());
  const auto sender = IpAddress::parse("192.0.2.2");
  for (const IpAddress& address : addresses) {
    ArpPacket packet{};
    std::fill_n(packet.ethernet.ether_dhost, 6, std::uint8_t{0xff});
    std::copy_n(hardware.begin(), 6, packet.ethernet.ether_shost);
    packet.ethernet.ether_type = in_network_order(ETH_P_ARP);
    packet.arp.ea_hdr = {in_network_order(ARPHRD_ETHER), in_network_order(ETH_P_IP), 6, 4,
                         in_network_order(ARPOP_REQUEST)};
    std::copy_n(hardware.begin(), 6, packet.arp.arp_sha);
    std::copy_n(sender->bytes().begin(), 4, packet.arp.arp_spa);
    std::copy_n(address.bytes().begin(), 4, packet.arp.arp_tpa);
    EXPECT_EQ(::send(fd.get(), &packet, sizeof packet, 0), static_cast<ssize_t>(sizeof packet));
  }
  std::vector<IpAddress> answered;
  while (const auto from = next_sender(fd.get(), ARPOP_REPLY)) {
    answered.push_back(*from);
    if (*from == addresses.back()) break;
  }
  return answered;
}

std::vector<IpAddress> solicit_neighbours(const std::vector<IpAddress>& addresses) {
  const UniqueFd fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
  const int hops = 255;
  const unsigned link = ::if_nametoindex("far");
  EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops), 0);
  EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &link, sizeof link), 0);
  RawSocketAddress source({*IpAddress::parse("2001:db8::2"), 0});
  EXPECT_EQ(::bind(fd.get(), source.get(), source.size), 0) << std::strerror(errno);
  RawSocketAddress everybody({*IpAddress::parse("ff02::1"), 0});
  reinterpret_cast<sockaddr_in6*>(everybody.get())->sin6_scope_id = link;
  const auto ask = [&] {
    for (const IpAddress& address : addresses) {
      Solicitation packet{};
      packet.fixed.nd_ns_type = ND_NEIGHBOR_SOLICIT;
      std::copy_n(address.bytes().begin(), 16, packet.fixed.nd_ns_target.s6_addr);
      packet.option = {ND_OPT_SOURCE_LINKADDR, 1};  // in units of 8 bytes
      packet.hardware = hardware_address(fd.get());
      EXPECT_EQ(::sendto(fd.get(), &packet, sizeof packet, 0, everybody.get(), everybody.size),
                static_cast<ssize_t>(sizeof packet))
          << std::strerror(errno);
    }
  };
  std::vector<IpAddress> answered;
  // As neighbours do (RFC 4861, 7.2.2): on a busy machine the other end may not listen yet.
  for (int round = 0; round < kRounds && answered.empty(); ++round) {
    ask();
    while (is_readable(fd.get())) {
      std::array<std::uint8_t, 256> bytes{};
      nd_neighbor_advert packet{};
      const ssize_t size = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
      if (size < static_cast<ssize_t>(sizeof packet)) continue;
      std::memcpy(&packet, bytes.data(), sizeof packet);
      if (packet.nd_na_type != ND_NEIGHBOR_ADVERT) continue;
      answered.push_back(IpAddress::from_bytes({packet.nd_na_target.s6_addr, 16}));
      if (answered.back() == addresses.back()) break;
    }
  }
  return answered;
}

ArpListener::ArpListener(const std::string& interface) : fd_(packet_socket(interface)) {}

std::optional<IpAddress> ArpListener::next_asker() const {
  return next_sender(fd_.get(), ARPOP_REQUEST);
}

void send_from(const IpAddress& source, const IpAddress& destination) {
  const UniqueFd fd(::socket(address_family(source.family()), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const RawSocketAddress from({source, 0});
  const RawSocketAddress to({destination, 9});
  EXPECT_EQ(::bind(fd.get(), from.get(), from.size), 0) << std::strerror(errno);
  EXPECT_EQ(::sendto(fd.get(), "x", 1, 0, to.get(), to.size), 1) << std::strerror(errno);
}

TcpListener::TcpListener(IpFamily family)
    : fd_(::socket(address_family(family), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const RawSocketAddress any({IpAddress::any(family), 0});
  EXPECT_EQ(::bind(fd_.get(), any.get(), any.size), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(fd_.get(), 4), 0);
}

std::uint16_t TcpListener::port() const {
  RawSocketAddress bound;
  EXPECT_EQ(::getsockname(fd_.get(), bound.get(), &bound.size), 0);
  return bound.to_socket_address().port;
}

bool can_connect(const SocketAddress& address) {
  const UniqueFd fd(::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kPatience / 1000, .tv_usec = 0};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
  const RawSocketAddress to(address);
  return ::connect(fd.get(), to.get(), to.size) == 0;
}

}  // namespace wherry::steer
