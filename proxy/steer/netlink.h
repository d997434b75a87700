#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// Talking to the kernel's network stack (netlink(7), rtnetlink(7), nfnetlink): requests are put
/// together, sent, and answered before the call returns, since these parts of the kernel answer
/// within send().
namespace wherry::steer {

/// Why the kernel refused a request. False where it did not.
struct NetlinkFailure {
  error_code code;
  std::string words;  ///< the kernel's own (extended ACK, Linux 4.12); often empty

  [[nodiscard]] explicit operator bool() const noexcept { return code.failed(); }
  /// "Operation not permitted", or "Invalid argument (Invalid prefsrc address)".
  [[nodiscard]] std::string to_string() const;
};

/// Whether a request failed because the kernel lacks the address family (ipv6.disable=1).
[[nodiscard]] bool is_missing_family(const error_code& code) noexcept;

/// One message on its way to the kernel.
class NetlinkRequest {
 public:
  /// NLM_F_REQUEST comes with every one.
  NetlinkRequest(std::uint16_t type, unsigned flags);

  /// The fixed part that follows the header: rtmsg, ifinfomsg, nfgenmsg, ... Once, and first.
  template <class Fixed>
  NetlinkRequest& fixed(const Fixed& part) {
    static_assert(std::is_trivially_copyable_v<Fixed>);
    append(std::as_bytes(std::span(&part, 1)));
    return *this;
  }
  NetlinkRequest& attribute(unsigned type, std::span<const std::byte> value);
  NetlinkRequest& attribute(unsigned type, const IpAddress& value);
  NetlinkRequest& number(unsigned type, std::uint32_t value);  ///< in the machine's byte order
  NetlinkRequest& byte(unsigned type, std::uint8_t value);
  NetlinkRequest& text(unsigned type, std::string_view value);  ///< ends with a zero byte
  /// An attribute that holds what `fill` adds.
  template <class Fill>
  NetlinkRequest& nested(unsigned type, Fill fill) {
    const std::size_t start = bytes_.size();
    attribute(type, std::span<const std::byte>());
    fill(*this);
    close_nest(start);
    return *this;
  }
  /// As it goes to the kernel, but for what the socket fills in.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  friend class NetlinkSocket;
  void append(std::span<const std::byte> bytes);
  void close_nest(std::size_t start);

  std::vector<std::byte> bytes_;
};

/// What an answer's attribute holds. Refers to the answer's bytes. What is shorter than what is
/// asked for reads as zero or as nothing: the kernel's structures grow with its versions.
class NetlinkAttributes;
class NetlinkAttribute {
 public:
  explicit NetlinkAttribute(std::span<const std::byte> value) noexcept : value_(value) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return value_; }
  [[nodiscard]] std::uint32_t number() const noexcept;  ///< in the machine's byte order
  [[nodiscard]] std::optional<IpAddress> address() const noexcept;
  [[nodiscard]] std::string text() const;  ///< to the first zero byte
  [[nodiscard]] NetlinkAttributes nested() const noexcept;
  /// The n-th of an array of numbers; none beyond its end.
  [[nodiscard]] std::optional<std::uint32_t> number_at(std::size_t n) const noexcept;

 private:
  std::span<const std::byte> value_;
};

/// The attributes that follow an answer's fixed part.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] std::optional<NetlinkAttribute> find(unsigned type) const noexcept;
  /// The number under `type`, or 0.
  [[nodiscard]] std::uint32_t number(unsigned type) const noexcept;
  /// The text under `type`, or nothing.
  [[nodiscard]] std::string text(unsigned type) const;
  /// Those of the nest under `type`; none where there is no such nest.
  [[nodiscard]] NetlinkAttributes nested(unsigned type) const noexcept;

  /// Takes the next one off: its type and what it holds. None at the end.
  struct Next {
    unsigned type;
    NetlinkAttribute value;
  };
  [[nodiscard]] std::optional<Next> next() noexcept;

 private:
  std::span<const std::byte> rest_;
};

/// One message from the kernel. Refers to the NetlinkAnswers that it came with.
class NetlinkAnswer {
 public:
  NetlinkAnswer(std::uint16_t type, std::uint32_t sender, std::span<const std::byte> payload)
      : type_(type), sender_(sender), payload_(payload) {}

  [[nodiscard]] std::uint16_t type() const noexcept { return type_; }
  /// The port of whose request this speaks; 0 where it was the kernel's own doing.
  [[nodiscard]] std::uint32_t sender() const noexcept { return sender_; }
  /// The fixed part; null where the message is too short for it.
  template <class Fixed>
  [[nodiscard]] const Fixed* fixed() const noexcept {
    return payload_.size() < sizeof(Fixed) ? nullptr
                                           : reinterpret_cast<const Fixed*>(payload_.data());
  }
  /// The attributes behind a fixed part of this type.
  template <class Fixed>
  [[nodiscard]] NetlinkAttributes attributes() const noexcept {
    return attributes_at((sizeof(Fixed) + 3) & ~std::size_t{3});
  }

 private:
  [[nodiscard]] NetlinkAttributes attributes_at(std::size_t offset) const noexcept;

  std::uint16_t type_;
  std::uint32_t sender_;
  std::span<const std::byte> payload_;
};

/// All messages that answered a request.
class NetlinkAnswers {
 public:
  class Iterator;
  explicit NetlinkAnswers(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  /// Calls `visit` for each message of this type.
  template <class Visit>
  void each(std::uint16_t type, Visit visit) const {
    std::span<const std::byte> rest(bytes_);
    while (const auto answer = take(rest)) {
      if (answer->type() == type) visit(*answer);
    }
  }
  /// Takes the first message off `rest`. None at the end, and where the bytes are no message.
  [[nodiscard]] static std::optional<NetlinkAnswer> take(std::span<const std::byte>& rest) noexcept;

 private:
  std::vector<std::byte> bytes_;
};

/// A kept connection to the kernel, of the network namespace of the thread that made it.
///
/// One thread. Where netlink is closed to the process every request fails with the reason.
class NetlinkSocket {
 public:
  /// `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG, NETLINK_GENERIC.
  explicit NetlinkSocket(int protocol);

  /// Asks for something to be done.
  [[nodiscard]] NetlinkFailure request(NetlinkRequest request);
  /// Asks for many things at once: one failure each, in their order. What fails keeps nothing else
  /// from being done.
  [[nodiscard]] std::vector<NetlinkFailure> request_all(std::vector<NetlinkRequest> requests);
  /// Asks for something to be done as a whole: nftables' transactions, which the first and the last
  /// message begin and end. The first failure undoes all. At least three messages.
  [[nodiscard]] NetlinkFailure transaction(std::vector<NetlinkRequest> requests);
  /// Asks for what is there; with NLM_F_DUMP for all of it. A dump that a change interrupted is
  /// taken again a few times; after that it may miss or double what changed meanwhile.
  [[nodiscard]] Result<NetlinkAnswers> ask(NetlinkRequest request);

  /// This socket's own port: notifications of what it did name it as their sender.
  [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

 private:
  struct Answered;
  [[nodiscard]] std::uint32_t stamp(NetlinkRequest& request, unsigned flags) noexcept;
  [[nodiscard]] error_code send(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] Result<std::span<const std::byte>> receive();
  /// What comes for `sequence`; a failure of one from `first` on ends the waiting too.
  [[nodiscard]] Answered collect(std::uint32_t sequence, std::uint32_t first);

  UniqueFd fd_;
  error_code unusable_;
  std::uint32_t port_ = 0;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace wherry::steer
