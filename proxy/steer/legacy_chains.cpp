#include "proxy/steer/legacy_chains.h"

#include "base/raw_socket_address.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>

// After netinet/in.h, whose types they then leave alone.
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

error_code last_error() { return {errno, boost::system::system_category()}; }

/// The same for both families but for the size of what an entry matches.
struct Dialect {
  int level;
  int get_info;
  int get_entries;
  int family;
  const char* names;  ///< the file that lists the tables in use
  std::size_t target_offset;
  std::size_t next_offset;
};

Dialect dialect_of(IpFamily family) {
  if (family == IpFamily::IPv4) {
    return {IPPROTO_IP,
            IPT_SO_GET_INFO,
            IPT_SO_GET_ENTRIES,
            NFPROTO_IPV4,
            "/proc/thread-self/net/ip_tables_names",
            offsetof(ipt_entry, target_offset),
            offsetof(ipt_entry, next_offset)};
  }
  return {IPPROTO_IPV6,
          IP6T_SO_GET_INFO,
          IP6T_SO_GET_ENTRIES,
          NFPROTO_IPV6,
          "/proc/thread-self/net/ip6_tables_names",
          offsetof(ip6t_entry, target_offset),
          offsetof(ip6t_entry, next_offset)};
}

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  if (bytes.size() >= offset + sizeof(T)) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// Name and size are the same in ipt_getinfo and ip6t_getinfo, and in what entries are asked by.
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));
static_assert(offsetof(ipt_get_entries, entrytable) == offsetof(ip6t_get_entries, entrytable));

/// What an entry's target is called, and where what it holds begins.
struct Target {
  std::string_view name;
  std::span<const std::byte> payload;
};

Target target_at(std::span<const std::byte> entries, std::size_t entry, const Dialect& dialect) {
  const auto offset = read_at<std::uint16_t>(entries, entry + dialect.target_offset);
  const std::size_t start = entry + offset;
  if (start + sizeof(xt_entry_target) > entries.size()) return {};
  const auto* name = reinterpret_cast<const char*>(entries.data() + start) +
                     offsetof(xt_entry_target, u.user.name);
  return {{name, ::strnlen(name, XT_EXTENSION_MAXNAMELEN)},
          entries.subspan(start + sizeof(xt_entry_target))};
}

/// Chains that somebody made begin with an entry whose target is "ERROR" and names them. So does
/// the end of the table, with that very word for a name.
void add_own_chains(std::span<const std::byte> entries, const std::string& table,
                    const Dialect& dialect, std::vector<FilterChain>& into) {
  for (std::size_t entry = 0; entry < entries.size();) {
    const Target target = target_at(entries, entry, dialect);
    if (target.name == XT_ERROR_TARGET) {
      const auto* first = reinterpret_cast<const char*>(target.payload.data());
      const std::string_view name(
          first, ::strnlen(first, std::min<std::size_t>(target.payload.size(), 30)));
      if (name != XT_ERROR_TARGET) {
        into.push_back({.kind = FilterKind::Iptables,
                        .family = dialect.family,
                        .table = table,
                        .name = std::string(name)});
      }
    }
    const auto size = read_at<std::uint16_t>(entries, entry + dialect.next_offset);
    if (size == 0) return;
    entry += size;
  }
}

/// An ENOENT is a table that went away meanwhile.
error_code read_table(int fd, const std::string& table, const Dialect& dialect,
                      std::vector<FilterChain>& into) {
  ipt_getinfo info{};
  table.copy(info.name, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (::getsockopt(fd, dialect.level, dialect.get_info, &info, &size) != 0) return last_error();

  std::vector<std::byte> answer(offsetof(ipt_get_entries, entrytable) + info.size);
  table.copy(reinterpret_cast<char*>(answer.data()), sizeof info.name - 1);
  std::memcpy(answer.data() + offsetof(ipt_get_entries, size), &info.size, sizeof info.size);
  size = static_cast<socklen_t>(answer.size());
  if (::getsockopt(fd, dialect.level, dialect.get_entries, answer.data(), &size) != 0) {
    return last_error();
  }
  const auto entries =
      std::span<const std::byte>(answer).subspan(offsetof(ipt_get_entries, entrytable));
  add_own_chains(entries, table, dialect, into);
  if (table == "filter" && (info.valid_hooks & (1u << NF_INET_LOCAL_IN)) != 0) {
    // The last entry of a chain of the kernel's is its policy.
    const Target policy = target_at(entries, info.underflow[NF_INET_LOCAL_IN], dialect);
    into.push_back({.kind = FilterKind::Iptables,
                    .family = dialect.family,
                    .table = table,
                    .name = "INPUT",
                    .is_input = true,
                    .drops_the_rest = read_at<int>(policy.payload, 0) == -NF_DROP - 1});
  }
  return {};
}

}  // namespace

Result<std::vector<FilterChain>> read_legacy_chains(IpFamily family) {
  const Dialect dialect = dialect_of(family);
  std::vector<FilterChain> chains;
  const auto names = read_file(dialect.names, 4096);
  if (!names) {
    const auto& error = names.error();
    if (error == errc::no_such_file_or_directory) return chains;
    return error;
  }
  // Any socket of the family will do, also one without privilege of its own.
  const UniqueFd fd(::socket(address_family(family), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return last_error();
  for (std::string_view rest = *names; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string table(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (table.empty()) continue;
    const auto error = read_table(fd.get(), table, dialect, chains);
    // EAGAIN: it changed between the two questions. What is new there is seen by the next look.
    if (error && error != errc::no_such_file_or_directory &&
        error != errc::resource_unavailable_try_again) {
      return error;
    }
  }
  return chains;
}

}  // namespace wherry::steer
