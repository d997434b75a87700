#include "proxy/steer/source_program.h"

#include "base/log.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>

namespace wherry::steer {
namespace {

constexpr std::uint32_t kWhole = 0xffffffff;  // as much of the packet as there is
/// Where a header's source address begins, from its own beginning; the destination follows.
constexpr std::uint32_t kSourceV4 = 12;
constexpr std::uint32_t kSourceV6 = 8;

/// Writes tests that leave for one place where they hold, and go on below where they don't.
class Program {
 public:
  explicit Program(IpFamily family)
      : source_(family == IpFamily::IPv4 ? kSourceV4 : kSourceV6),
        words_(family == IpFamily::IPv4 ? 1 : 4) {}

  void end(std::uint32_t length) { add(BPF_RET | BPF_K, length); }

  /// Ends here, with an answer, if the source address is in the block.
  void answer_if_in(const Cidr& block) {
    leave_if_in(block);
    // Where it would leave for, it ends.
    code_[leaving_.back()] = {BPF_RET | BPF_K, 0, 0, kWhole};
    leaving_.pop_back();
  }

  /// Leaves if the source address is in the block.
  void leave_if_in(const Cidr& block) {
    std::vector<std::size_t> tests;
    for (std::size_t i = 0; i < words_ && block.prefix_length() > static_cast<int>(i) * 32; ++i) {
      const int bits = std::min(32, block.prefix_length() - static_cast<int>(i) * 32);
      load(source_, i);
      if (bits < 32) add(BPF_ALU | BPF_AND | BPF_K, kWhole << (32 - bits));
      tests.push_back(code_.size());
      add(BPF_JMP | BPF_JEQ | BPF_K, word(block.base(), i));
    }
    leave(tests);
  }

  /// Leaves if source and destination are the same address.
  void leave_if_to_itself() {
    std::vector<std::size_t> tests;
    for (std::size_t i = 0; i < words_; ++i) {
      load(source_, i);
      add(BPF_MISC | BPF_TAX, 0);
      load(source_ + static_cast<std::uint32_t>(words_) * 4, i);
      tests.push_back(code_.size());
      add(BPF_JMP | BPF_JEQ | BPF_X, 0);
    }
    leave(tests);
  }

  /// Those that left go on here.
  void land() {
    for (const std::size_t at : leaving_) {
      code_[at].k = static_cast<std::uint32_t>(code_.size() - at - 1);
    }
    leaving_.clear();
  }

  [[nodiscard]] std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(int code, std::uint32_t k) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, k});
  }
  void load(std::uint32_t base, std::size_t index) {
    add(BPF_LD | BPF_W | BPF_ABS,
        static_cast<std::uint32_t>(SKF_NET_OFF) + base + static_cast<std::uint32_t>(index) * 4);
  }
  /// A jump that all of the tests have to reach; each goes past it where it fails.
  void leave(const std::vector<std::size_t>& tests) {
    for (const std::size_t at : tests) code_[at].jf = static_cast<std::uint8_t>(code_.size() - at);
    leaving_.push_back(code_.size());
    add(BPF_JMP | BPF_JA, 0);
  }
  static std::uint32_t word(const IpAddress& address, std::size_t index) {
    const auto bytes = address.bytes().subspan(index * 4, 4);
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
  }

  const std::uint32_t source_;
  const std::size_t words_;
  std::vector<sock_filter> code_;
  std::vector<std::size_t> leaving_;  ///< jumps whose target is not known yet
};

}  // namespace

std::vector<sock_filter> source_program(const balancer::ClientFilter& filter, IpFamily family) {
  if (filter.everybody()) return {};
  Program program(family);
  if (filter.nobody) {
    program.end(0);
    return program.take();
  }
  for (const Cidr& block : filter.proxies) {
    if (block.family() == family) program.answer_if_in(block);
  }
  if (filter.node_only) {
    program.leave_if_to_itself();
    for (const Cidr& block : filter.node) {
      if (block.family() == family) program.leave_if_in(block);
    }
    program.end(0);
    program.land();
  }
  if (filter.ranges) {
    for (const Cidr& range : *filter.ranges) {
      if (range.family() == family) program.leave_if_in(range);
    }
    program.end(0);
    program.land();
  }
  program.end(kWhole);
  std::vector<sock_filter> code = program.take();
  if (code.size() > BPF_MAXINSNS) return {};
  return code;
}

error_code attach(int socket, const std::vector<sock_filter>& program) {
  if (program.empty()) {
    const int unused = 0;
    if (::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0 ||
        errno == ENOENT) {
      return {};
    }
    return {errno, boost::system::system_category()};
  }
  std::vector<sock_filter> code = program;  // the kernel's interface takes no const
  const sock_fprog given{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &given, sizeof given) == 0) return {};
  return {errno, boost::system::system_category()};
}

void warn_of_no_filter(const SocketAddress& listener, const error_code& reason) {
  // Some kernels let nobody else attach a filter.
  const bool is_forbidden = reason == boost::system::errc::operation_not_permitted;
  log::warn(
      "a listener has no packet filter; clients that should get no answer are refused",
      {{"address", listener.to_string()},
       {"reason", reason.message()},
       {"remedy", is_forbidden
                      ? "grant CAP_NET_ADMIN"
                      : "raise net.core.optmem_max, or give the Service fewer source ranges"}});
}

}  // namespace wherry::steer
