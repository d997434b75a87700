#include "proxy/steer/netlink.h"

#include "base/assert.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

/// The kernel never makes a part of a dump larger than the reader's buffer, nor than this.
constexpr std::size_t kBuffer = 64 * 1024;
/// Acknowledgements wait in the socket's buffer until all of a batch were sent, and each takes
/// about 1 KiB of the 208 KiB that a socket has without privilege.
constexpr std::size_t kBatch = 64;
/// How often a dump is taken again that a change interrupted.
constexpr int kDumps = 8;

error_code system_error(int number) { return {number, boost::system::system_category()}; }
error_code last_error() { return system_error(errno); }

constexpr std::size_t aligned(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  if (bytes.size() >= offset + sizeof(T)) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// The message that starts here, whole; empty where there is none.
std::span<const std::byte> first_message(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(nlmsghdr)) return {};
  const auto length = read_at<std::uint32_t>(bytes, offsetof(nlmsghdr, nlmsg_len));
  if (length < sizeof(nlmsghdr) || length > bytes.size()) return {};
  return bytes.first(length);
}

std::span<const std::byte> after(std::span<const std::byte> bytes,
                                 std::span<const std::byte> message) {
  return bytes.subspan(std::min(aligned(message.size()), bytes.size()));
}

/// What an NLMSG_ERROR says; no failure where it is an acknowledgement.
NetlinkFailure failure_of(std::span<const std::byte> message) {
  NetlinkFailure failure;
  const int number = -read_at<int>(message, NLMSG_HDRLEN);
  if (number == 0) return failure;
  failure.code = system_error(number);
  const auto header = read_at<nlmsghdr>(message, 0);
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return failure;
  // The request comes back in front of the attributes: its header alone, or all of it.
  std::size_t offset = NLMSG_HDRLEN + sizeof(nlmsgerr);
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0) {
    const auto length = read_at<std::uint32_t>(message, NLMSG_HDRLEN + offsetof(nlmsgerr, msg));
    offset = NLMSG_HDRLEN + offsetof(nlmsgerr, msg) + aligned(length);
  }
  if (offset <= message.size()) {
    failure.words = NetlinkAttributes(message.subspan(offset)).text(NLMSGERR_ATTR_MSG);
  }
  return failure;
}

void set_option(int fd, int level, int option, int value) {
  // What an older kernel does not know makes errors terser and dumps longer, no more.
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

std::string NetlinkFailure::to_string() const {
  return words.empty() ? code.message() : code.message() + " (" + words + ')';
}

bool is_missing_family(const error_code& code) noexcept {
  return code == errc::operation_not_supported || code == errc::address_family_not_supported;
}

NetlinkRequest::NetlinkRequest(std::uint16_t type, unsigned flags) : bytes_(sizeof(nlmsghdr)) {
  nlmsghdr header{};
  header.nlmsg_len = sizeof header;
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkRequest::append(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize(aligned(bytes_.size()));
}

NetlinkRequest& NetlinkRequest::attribute(unsigned type, std::span<const std::byte> value) {
  rtattr header{};
  header.rta_len = static_cast<unsigned short>(sizeof header + value.size());
  header.rta_type = static_cast<unsigned short>(type);
  append(std::as_bytes(std::span(&header, 1)));
  append(value);
  return *this;
}

NetlinkRequest& NetlinkRequest::attribute(unsigned type, const IpAddress& value) {
  return attribute(type, std::as_bytes(value.bytes()));
}

NetlinkRequest& NetlinkRequest::number(unsigned type, std::uint32_t value) {
  return attribute(type, std::as_bytes(std::span(&value, 1)));
}

NetlinkRequest& NetlinkRequest::byte(unsigned type, std::uint8_t value) {
  return attribute(type, std::as_bytes(std::span(&value, 1)));
}

NetlinkRequest& NetlinkRequest::text(unsigned type, std::string_view value) {
  const std::string with_zero(value);
  return attribute(type, std::as_bytes(std::span(with_zero.c_str(), with_zero.size() + 1)));
}

void NetlinkRequest::close_nest(std::size_t start) {
  const auto length = static_cast<unsigned short>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start + offsetof(rtattr, rta_len), &length, sizeof length);
}

std::uint32_t NetlinkAttribute::number() const noexcept {
  return read_at<std::uint32_t>(value_, 0);
}

std::optional<IpAddress> NetlinkAttribute::address() const noexcept {
  if (value_.size() != 4 && value_.size() != 16) return std::nullopt;
  return IpAddress::from_bytes(
      {reinterpret_cast<const std::uint8_t*>(value_.data()), value_.size()});
}

std::string NetlinkAttribute::text() const {
  const auto* first = reinterpret_cast<const char*>(value_.data());
  return {first, std::find(first, first + value_.size(), '\0')};
}

NetlinkAttributes NetlinkAttribute::nested() const noexcept { return NetlinkAttributes(value_); }

std::optional<std::uint32_t> NetlinkAttribute::number_at(std::size_t n) const noexcept {
  if (value_.size() < (n + 1) * sizeof(std::uint32_t)) return std::nullopt;
  return read_at<std::uint32_t>(value_, n * sizeof(std::uint32_t));
}

std::optional<NetlinkAttributes::Next> NetlinkAttributes::next() noexcept {
  if (rest_.size() < sizeof(rtattr)) return std::nullopt;
  const auto header = read_at<rtattr>(rest_, 0);
  if (header.rta_len < sizeof header || header.rta_len > rest_.size()) return std::nullopt;
  const Next found{static_cast<unsigned>(header.rta_type) & NLA_TYPE_MASK,
                   NetlinkAttribute(rest_.subspan(sizeof header, header.rta_len - sizeof header))};
  rest_ = rest_.subspan(std::min(aligned(header.rta_len), rest_.size()));
  return found;
}

std::optional<NetlinkAttribute> NetlinkAttributes::find(unsigned type) const noexcept {
  NetlinkAttributes all = *this;
  while (const auto each = all.next()) {
    if (each->type == type) return each->value;
  }
  return std::nullopt;
}

std::uint32_t NetlinkAttributes::number(unsigned type) const noexcept {
  const auto found = find(type);
  return found ? found->number() : 0;
}

std::string NetlinkAttributes::text(unsigned type) const {
  const auto found = find(type);
  return found ? found->text() : std::string();
}

NetlinkAttributes NetlinkAttributes::nested(unsigned type) const noexcept {
  const auto found = find(type);
  return found ? found->nested() : NetlinkAttributes({});
}

NetlinkAttributes NetlinkAnswer::attributes_at(std::size_t offset) const noexcept {
  return NetlinkAttributes(payload_.subspan(std::min(offset, payload_.size())));
}

std::optional<NetlinkAnswer> NetlinkAnswers::take(std::span<const std::byte>& rest) noexcept {
  const auto message = first_message(rest);
  if (message.empty()) return std::nullopt;
  rest = after(rest, message);
  const auto header = read_at<nlmsghdr>(message, 0);
  return NetlinkAnswer(header.nlmsg_type, header.nlmsg_pid, message.subspan(NLMSG_HDRLEN));
}

NetlinkSocket::NetlinkSocket(int protocol)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)), buffer_(kBuffer) {
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  socklen_t size = sizeof self;
  if (!fd_ || ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&self), size) != 0 ||
      ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&self), &size) != 0) {
    unusable_ = last_error();
    return;
  }
  port_ = self.nl_pid;
  set_option(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1);
  set_option(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
  set_option(fd_.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);  // dumps are filtered: Linux 4.20
  // Answers are there when send() returns. This is for a kernel that breaks that rule.
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

std::uint32_t NetlinkSocket::stamp(NetlinkRequest& request, unsigned flags) noexcept {
  auto header = read_at<nlmsghdr>(request.bytes_, 0);
  header.nlmsg_len = static_cast<std::uint32_t>(request.bytes_.size());
  header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | flags);
  header.nlmsg_seq = ++sequence_;
  std::memcpy(request.bytes_.data(), &header, sizeof header);
  return header.nlmsg_seq;
}

error_code NetlinkSocket::send(std::span<const std::byte> bytes) noexcept {
  if (unusable_) return unusable_;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = -1;
  do {
    sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? last_error() : error_code();
}

Result<std::span<const std::byte>> NetlinkSocket::receive() {
  for (;;) {
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    const ssize_t received = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                        reinterpret_cast<sockaddr*>(&from), &size);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return errc::make_error_code(errc::timed_out);
    if (received < 0) return last_error();
    if (from.nl_pid != 0) continue;  // some process's, not the kernel's
    if (static_cast<std::size_t>(received) > buffer_.size()) {
      return errc::make_error_code(errc::message_size);
    }
    return std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(received));
  }
}

/// What came back for one request.
struct NetlinkSocket::Answered {
  NetlinkFailure failure;
  bool is_interrupted = false;  ///< a change came between two parts of a dump
  std::vector<std::byte> bytes;
};

NetlinkSocket::Answered NetlinkSocket::collect(std::uint32_t sequence, std::uint32_t first) {
  Answered all;
  for (;;) {
    const auto received = receive();
    if (!received) {
      all.failure.code = received.error();
      return all;
    }
    for (auto rest = *received; !first_message(rest).empty();) {
      const auto message = first_message(rest);
      rest = after(rest, message);
      const auto header = read_at<nlmsghdr>(message, 0);
      // What is older belongs to a request that timed out.
      if (header.nlmsg_seq - first > sequence - first) continue;
      all.is_interrupted |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
        // The end of a dump has a number too, where it could not go on.
        all.failure = failure_of(message);
        return all;
      }
      all.bytes.insert(all.bytes.end(), message.begin(), message.end());
      all.bytes.resize(aligned(all.bytes.size()));
    }
  }
}

NetlinkFailure NetlinkSocket::request(NetlinkRequest request) {
  const std::uint32_t sequence = stamp(request, NLM_F_ACK);
  if (const auto error = send(request.bytes_)) return {error, {}};
  return collect(sequence, sequence).failure;
}

std::vector<NetlinkFailure> NetlinkSocket::request_all(std::vector<NetlinkRequest> requests) {
  std::vector<NetlinkFailure> failures(requests.size());
  std::vector<std::byte> batch;
  for (std::size_t first = 0; first < requests.size(); first += kBatch) {
    const std::size_t end = std::min(first + kBatch, requests.size());
    batch.clear();
    const std::uint32_t sequence = sequence_ + 1;
    for (std::size_t i = first; i < end; ++i) {
      (void)stamp(requests[i], NLM_F_ACK);
      batch.insert(batch.end(), requests[i].bytes_.begin(), requests[i].bytes_.end());
    }
    auto error = send(batch);
    for (std::size_t i = first; i < end; ++i) {
      const std::uint32_t own = sequence + static_cast<std::uint32_t>(i - first);
      failures[i] = error ? NetlinkFailure{error, {}} : collect(own, own).failure;
      // Where one answer was lost the others are not waited for, each until its time is out.
      if (failures[i].code == errc::timed_out) error = failures[i].code;
    }
  }
  return failures;
}

NetlinkFailure NetlinkSocket::transaction(std::vector<NetlinkRequest> requests) {
  WHERRY_ASSERT(requests.size() >= 3);
  std::vector<std::byte> batch;
  const std::uint32_t first = sequence_ + 1;
  const std::uint32_t last = first + static_cast<std::uint32_t>(requests.size()) - 2;
  for (NetlinkRequest& request : requests) {
    // What fails is told unasked.
    (void)stamp(request, sequence_ + 1 == last ? unsigned{NLM_F_ACK} : 0u);
    batch.insert(batch.end(), request.bytes_.begin(), request.bytes_.end());
  }
  // It goes in one piece, however large. Needs CAP_NET_ADMIN, as what it is for does.
  set_option(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE,
             static_cast<int>(std::min<std::size_t>(batch.size() + kBuffer, 256u << 20)));
  if (const auto error = send(batch)) return {error, {}};
  return collect(last, first).failure;
}

Result<NetlinkAnswers> NetlinkSocket::ask(NetlinkRequest request) {
  const auto flags = read_at<nlmsghdr>(request.bytes_, 0).nlmsg_flags;
  const bool is_dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
  for (int dump = 1;; ++dump) {
    const std::uint32_t sequence = stamp(request, is_dump ? 0u : unsigned{NLM_F_ACK});
    if (const auto error = send(request.bytes_)) return error;
    Answered all = collect(sequence, sequence);
    if (all.failure) return all.failure.code;
    if (!all.is_interrupted || dump == kDumps) return NetlinkAnswers(std::move(all.bytes));
  }
}

}  // namespace wherry::steer
