#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/udp/datagram.h"
#include "proxy/udp/send_batch.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace wherry::udp {

/// The way of answers back to clients, each from the address and port that its client asked: a
/// client with a connected socket takes no others.
///
/// Belongs to one worker's thread.
class ReplyPath {
 public:
  virtual ~ReplyPath() = default;

  /// Says of one answer why it was not sent, as an errno value.
  using OnFailed = std::function<void(std::size_t index, int error)>;
  /// Sends what it can, never waits. Precondition: at most SendBatch::kMost.
  virtual void send(std::span<const Datagram> answers, const OnFailed& on_failed) = 0;
};

/// Out of the socket that the clients' datagrams came in by, which is bound to the address that
/// they asked, or to the wildcard address and the same port.
class BoundReplyPath final : public ReplyPath {
 public:
  enum class Source {
    Socket,  ///< it is bound to one address
    Asked,   ///< it is bound to the wildcard: each answer names its source (IP_PKTINFO)
  };
  /// `fd` stays the caller's and must be open as long as this is used.
  BoundReplyPath(int fd, Source source) noexcept : fd_(fd), source_(source) {}

  void send(std::span<const Datagram> answers, const OnFailed& on_failed) override;

 private:
  const int fd_;
  const Source source_;
  SendBatch batch_;
};

/// Out of a raw socket, from any address and port, whether or not a socket is bound to it: for
/// addresses of which only a route says that they are this machine's. Needs CAP_NET_RAW. The UDP
/// header is ours, the IP header the kernel's, fragments of large answers too.
class RawReplyPath final : public ReplyPath {
  struct Token {};

 public:
  /// operation_not_permitted without CAP_NET_RAW.
  [[nodiscard]] static Result<std::unique_ptr<RawReplyPath>> open(IpFamily family);

  /// No error: open() would do. As cheap, and of any thread.
  [[nodiscard]] static error_code try_permission(IpFamily family);

  RawReplyPath(Token /*open() alone*/, UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  void send(std::span<const Datagram> answers, const OnFailed& on_failed) override;

 private:
  /// Joined ones one by one; an errno value, or 0.
  [[nodiscard]] int send_segments(const Datagram& joined);

  const UniqueFd socket_;
  SendBatch batch_;
};

}  // namespace wherry::udp
