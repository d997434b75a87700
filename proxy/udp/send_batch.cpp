#include "proxy/udp/send_batch.h"

#include "base/assert.h"
#include "base/raw_socket_address.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>

namespace wherry::udp {
namespace {

/// Appends one control message; the next one begins after it.
template <class T>
void put_control(msghdr& message, int level, int type, const T& value) noexcept {
  const std::size_t used = message.msg_controllen;
  auto* header = reinterpret_cast<cmsghdr*>(static_cast<std::byte*>(message.msg_control) + used);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen = used + CMSG_SPACE(sizeof value);
}

void put_source(msghdr& message, const IpAddress& from) noexcept {
  const auto bytes = from.bytes();
  if (from.family() == IpFamily::IPv4) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    put_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

/// Whether joined datagrams may go where the kernel can't split them: an old kernel, a device
/// without checksums (EIO), segments that don't fit into its packets (EINVAL, EMSGSIZE).
bool cannot_split(int error) noexcept {
  return error == EINVAL || error == EIO || error == EMSGSIZE || error == ENOPROTOOPT;
}

}  // namespace

void SendBatch::fill(std::size_t place, const Outgoing& outgoing) noexcept {
  msghdr& message = messages_[place].msg_hdr;
  message = {};
  auto& vectors = vectors_[place];
  std::size_t parts = 0;
  // The kernel only reads what is sent.
  const auto add = [&](std::span<const std::byte> bytes) {
    vectors[parts++] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  };
  if (!outgoing.header.empty()) add(outgoing.header);
  add(outgoing.bytes);
  message.msg_iov = vectors.data();
  message.msg_iovlen = parts;
  if (outgoing.to) {
    const RawSocketAddress raw(*outgoing.to);
    std::memcpy(&names_[place], &raw.storage, raw.size);
    if (raw.storage.ss_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&names_[place])->sin6_scope_id = outgoing.scope;
    }
    message.msg_name = &names_[place];
    message.msg_namelen = raw.size;
  }
  message.msg_control = controls_[place].bytes.data();
  if (outgoing.from) put_source(message, *outgoing.from);
  if (outgoing.segment != 0) {
    put_control(message, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(outgoing.segment));
  }
  if (message.msg_controllen == 0) message.msg_control = nullptr;
}

SendBatch::Sent SendBatch::send(int fd, std::span<const Outgoing> all) noexcept {
  WHERRY_ASSERT(all.size() <= kMost);
  for (std::size_t i = 0; i < all.size(); ++i) fill(i, all[i]);
  std::size_t done = 0;
  while (done < all.size()) {
    const int sent = ::sendmmsg(fd, messages_.data() + done,
                                static_cast<unsigned>(all.size() - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      continue;
    }
    int error = errno;
    if (error == EINTR) continue;
    if (all[done].segment != 0 && cannot_split(error)) {
      error = send_segments(fd, done, all[done]);
      if (error == 0) {
        ++done;
        continue;
      }
    }
    return {done, error};
  }
  return {done, 0};
}

/// One call for each: rare, and right everywhere.
int SendBatch::send_segments(int fd, std::size_t place, const Outgoing& joined) noexcept {
  for (std::size_t at = 0; at < joined.bytes.size(); at += joined.segment) {
    Outgoing one = joined;
    one.segment = 0;
    one.bytes = joined.bytes.subspan(at, std::min(joined.segment, joined.bytes.size() - at));
    fill(place, one);  // the place of the whole: those that wait behind keep theirs
    if (::sendmsg(fd, &messages_[place].msg_hdr, MSG_DONTWAIT) < 0) return errno;
  }
  return 0;
}

}  // namespace wherry::udp
