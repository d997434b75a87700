#include "proxy/steer/legacy_chains.h"

#include "base/raw_socket_address.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/socket.h>
#include <utility>

// After netinet/in.h, whose types they then leave alone.
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

/// How often a table is read again that somebody else has changed meanwhile.
constexpr int kTries = 5;
/// iptables' own programs (xshared.h, 1.8).
constexpr const char* kLock = "/run/xtables.lock";
constexpr int kLockTries = 50;
constexpr int kLockPause = 100;  // milliseconds

error_code last_error() { return {errno, boost::system::system_category()}; }

/// Both families number their options alike, but each for itself.
struct Dialect {
  int level;
  int get_info;
  int get_entries;
  int replace;
  int add_counters;
  const char* names;  ///< the file that lists the tables in use
};

Dialect dialect_of(IpFamily family) {
  if (family == IpFamily::IPv4) {
    return {IPPROTO_IP,         IPT_SO_GET_INFO,         IPT_SO_GET_ENTRIES,
            IPT_SO_SET_REPLACE, IPT_SO_SET_ADD_COUNTERS, "/proc/thread-self/net/ip_tables_names"};
  }
  return {IPPROTO_IPV6,        IP6T_SO_GET_INFO,         IP6T_SO_GET_ENTRIES,
          IP6T_SO_SET_REPLACE, IP6T_SO_SET_ADD_COUNTERS, "/proc/thread-self/net/ip6_tables_names"};
}

/// Of both families the same.
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));
static_assert(offsetof(ipt_get_entries, entrytable) == offsetof(ip6t_get_entries, entrytable));
static_assert(sizeof(ipt_replace) == sizeof(ip6t_replace));
static_assert(offsetof(ipt_replace, entries) == offsetof(ip6t_replace, entries) &&
              offsetof(ipt_replace, entries) == sizeof(ipt_replace));

/// Any socket of the family will do, also one without privilege of its own.
UniqueFd socket_of(IpFamily family) {
  return UniqueFd(::socket(address_family(family), SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

Result<std::vector<std::string>> table_names(IpFamily family) {
  std::vector<std::string> all;
  const auto names = read_file(dialect_of(family).names, 4096);
  if (!names) {
    const auto& error = names.error();
    if (error == errc::no_such_file_or_directory) return all;
    return error;
  }
  for (std::string_view rest = *names; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) all.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return all;
}

/// An ENOENT is a table that went away meanwhile; EAGAIN one that changed between the two
/// questions.
Result<LegacyTable> read_table(int fd, IpFamily family, const std::string& name) {
  const Dialect dialect = dialect_of(family);
  ipt_getinfo info{};
  name.copy(info.name, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (::getsockopt(fd, dialect.level, dialect.get_info, &info, &size) != 0) return last_error();

  std::vector<std::byte> answer(offsetof(ipt_get_entries, entrytable) + info.size);
  name.copy(reinterpret_cast<char*>(answer.data()), sizeof info.name - 1);
  std::memcpy(answer.data() + offsetof(ipt_get_entries, size), &info.size, sizeof info.size);
  size = static_cast<socklen_t>(answer.size());
  if (::getsockopt(fd, dialect.level, dialect.get_entries, answer.data(), &size) != 0) {
    return last_error();
  }
  LegacyTable table;
  table.family = family;
  table.name = name;
  table.valid_hooks = info.valid_hooks;
  std::copy(std::begin(info.hook_entry), std::end(info.hook_entry), table.hook_entry.begin());
  std::copy(std::begin(info.underflow), std::end(info.underflow), table.underflow.begin());
  table.rules = info.num_entries;
  table.entries.assign(answer.begin() + offsetof(ipt_get_entries, entrytable), answer.end());
  return table;
}

FilterChain chain_of(const LegacyTable& table, std::string name) {
  return {.kind = FilterKind::Iptables,
          .family = table.family == IpFamily::IPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6,
          .table = table.name,
          .name = std::move(name)};
}

/// What the rules before have counted, by their places there.
Result<std::vector<xt_counters>> replace(int fd, const LegacyEdit& edit, std::uint32_t rules) {
  const LegacyTable& table = edit.table;
  const Dialect dialect = dialect_of(table.family);
  std::vector<xt_counters> counted(rules);
  ipt_replace head{};
  table.name.copy(head.name, sizeof head.name - 1);
  head.valid_hooks = table.valid_hooks;
  head.num_entries = table.rules;
  head.size = static_cast<unsigned>(table.entries.size());
  std::copy(table.hook_entry.begin(), table.hook_entry.end(), std::begin(head.hook_entry));
  std::copy(table.underflow.begin(), table.underflow.end(), std::begin(head.underflow));
  head.num_counters = rules;
  head.counters = counted.data();
  std::vector<std::byte> bytes(sizeof head + table.entries.size());
  std::memcpy(bytes.data(), &head, sizeof head);
  std::copy(table.entries.begin(), table.entries.end(), bytes.begin() + sizeof head);
  if (::setsockopt(fd, dialect.level, dialect.replace, bytes.data(),
                   static_cast<socklen_t>(bytes.size())) != 0) {
    return last_error();
  }
  return counted;
}

/// The kernel begins to count anew with a table; what was counted before is added. Nothing is the
/// worse for it if that fails.
void add_counters(int fd, const LegacyEdit& edit, const std::vector<xt_counters>& counted) {
  const Dialect dialect = dialect_of(edit.table.family);
  xt_counters_info head{};
  edit.table.name.copy(head.name, sizeof head.name - 1);
  head.num_counters = static_cast<unsigned>(edit.was.size());
  const std::size_t start = offsetof(xt_counters_info, counters);
  std::vector<std::byte> bytes(start + edit.was.size() * sizeof(xt_counters));
  std::memcpy(bytes.data(), &head, start);
  for (std::size_t i = 0; i < edit.was.size(); ++i) {
    std::memcpy(bytes.data() + start + i * sizeof(xt_counters), &counted[edit.was[i]],
                sizeof(xt_counters));
  }
  (void)::setsockopt(fd, dialect.level, dialect.add_counters, bytes.data(),
                     static_cast<socklen_t>(bytes.size()));
}

error_code delete_from(int fd, IpFamily family, const std::string& name,
                       const std::function<bool(const FilterChain&)>& is_doomed) {
  error_code error;
  for (int tries = 0; tries < kTries; ++tries) {
    const auto table = read_table(fd, family, name);
    if (!table) {
      error = table.error();
      if (error == errc::no_such_file_or_directory) return {};
      if (error != errc::resource_unavailable_try_again) return error;
      continue;
    }
    const auto edit = without_chains(*table, [&](std::string_view chain) {
      return is_doomed(chain_of(*table, std::string(chain)));
    });
    if (!edit) return edit.error();
    if (edit->table.rules == table->rules) return {};
    // The kernel itself only sees whether rules became more or fewer meanwhile.
    const auto now = read_table(fd, family, name);
    if (!now || !has_same_rules(*table, *now)) {
      error = now ? make_error_code(errc::resource_unavailable_try_again) : now.error();
      if (error != errc::resource_unavailable_try_again) return error;
      continue;
    }
    const auto counted = replace(fd, *edit, table->rules);
    if (counted) {
      add_counters(fd, *edit, *counted);
      return {};
    }
    error = counted.error();
    // EAGAIN: rules came or went meanwhile.
    if (error != errc::resource_unavailable_try_again) return error;
  }
  return error;
}

/// Keeps iptables' own programs away. Nothing where there is no such file, nor a place for it:
/// nobody has another means either.
Result<UniqueFd> take_lock() {
  UniqueFd fd(::open(kLock, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    const error_code error = last_error();
    if (error == errc::no_such_file_or_directory || error == errc::read_only_file_system) return fd;
    return error;
  }
  for (int tries = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) return last_error();
    if (tries == kLockTries) return make_error_code(errc::device_or_resource_busy);
    (void)::poll(nullptr, 0, kLockPause);
  }
  return fd;
}

}  // namespace

Result<std::vector<LegacyTable>> read_legacy_tables(IpFamily family) {
  std::vector<LegacyTable> tables;
  const auto names = table_names(family);
  if (!names) return names.error();
  if (names->empty()) return tables;
  const UniqueFd fd = socket_of(family);
  if (!fd) return last_error();
  for (const std::string& name : *names) {
    auto table = read_table(fd.get(), family, name);
    if (table) {
      tables.push_back(std::move(*table));
      continue;
    }
    // EAGAIN: what is new there is seen by the next look.
    const error_code& error = table.error();
    if (error != errc::no_such_file_or_directory && error != errc::resource_unavailable_try_again) {
      return error;
    }
  }
  return tables;
}

Result<std::vector<FilterChain>> read_legacy_chains(IpFamily family) {
  const auto tables = read_legacy_tables(family);
  if (!tables) return tables.error();
  std::vector<FilterChain> chains;
  for (const LegacyTable& table : *tables) {
    for (std::string& name : chains_of(table)) chains.push_back(chain_of(table, std::move(name)));
    if (table.name == "filter" && (table.valid_hooks & (1u << NF_INET_LOCAL_IN)) != 0) {
      FilterChain input = chain_of(table, "INPUT");
      input.is_input = true;
      input.drops_the_rest = drops_the_rest(table, NF_INET_LOCAL_IN);
      chains.push_back(std::move(input));
    }
  }
  return chains;
}

LegacyDeletion delete_legacy_chains(IpFamily family,
                                    const std::function<bool(const FilterChain&)>& is_doomed) {
  LegacyDeletion deletion;
  const auto names = table_names(family);
  if (!names) return {names.error()};
  if (names->empty()) return {};
  const auto lock = take_lock();
  if (!lock) return {lock.error()};
  deletion.is_locked = static_cast<bool>(*lock);
  const UniqueFd fd = socket_of(family);
  if (!fd) return {last_error()};
  for (const std::string& name : *names) {
    const error_code error = delete_from(fd.get(), family, name, is_doomed);
    if (error && !deletion.error) deletion.error = error;
  }
  return deletion;
}

}  // namespace wherry::steer
