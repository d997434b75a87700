#pragma once

#include "balancer/backend.h"
#include "balancer/node_view.h"
#include "balancer/picker/picker.h"
#include "balancer/picker_memory.h"
#include "balancer/service_port.h"
#include "balancer/verdict.h"

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace wherry::balancer {

/// Names a service port for as long as it exists, across tables. A slot is used again after its
/// service port is gone; the serial tells the two apart.
struct ServicePortId {
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;

  friend auto operator<=>(const ServicePortId&, const ServicePortId&) = default;
};

/// What is counted about a Service. Outlives tables and the ports that come and go. Workers count,
/// anybody reads.
struct ServiceState {
  std::atomic<std::uint64_t> sessions_total{0};  ///< connections that reached a backend
};

/// What is known about a service port besides what tables say. Outlives tables, and, while sessions
/// go on, the service port.
struct ServicePortState {
  ServicePortState(ServicePortKey of, std::shared_ptr<ServiceState> its_service)
      : key(std::move(of)), service(std::move(its_service)) {}

  const ServicePortKey key;
  const std::shared_ptr<ServiceState> service;
  /// Sessions and dials under way, also those with backends that have left. Workers count.
  std::atomic<std::uint32_t> load{0};
  PickerMemory pickers;  ///< Control thread only.
  /// Counts of backends that left while sessions with them may go on. Control thread only.
  std::map<SocketAddress, std::weak_ptr<BackendState>> departed;
};

/// Everything that one decision about one service port needs. Immutable, but for what it points to.
struct ServicePortEntry {
  ServicePortId id;
  ServicePort service_port;
  std::vector<Backend> backends;  ///< all endpoints, ready or not, sorted by address
  Decision internal;
  std::optional<Decision> external;
  std::optional<Decision> external_from_node;  ///< where it differs from `external` (E8)
  std::vector<Excluded> excluded;              ///< from the set that `internal` is over
  std::shared_ptr<ServicePortState> state;
};

/// A service port's decisions, null for kinds of traffic that it has not. Entry is
/// ServicePortEntry, const or not.
template <class Entry>
[[nodiscard]] auto decisions_of(Entry& entry) -> std::array<decltype(&entry.internal), 3> {
  return {&entry.internal, entry.external ? &*entry.external : nullptr,
          entry.external_from_node ? &*entry.external_from_node : nullptr};
}

/// Whether two entries say the same to everybody who reads tables. Counts are not compared.
[[nodiscard]] bool same(const ServicePortEntry& a, const ServicePortEntry& b);

/// A backend for a connection of the kind that `decision` is about: the first choice, or, once
/// some were tried, another one. nullptr if there is none (left).
///
/// Any thread. Of `context` the caller gives client, chance and now. `tried` are addresses, because
/// the table may have changed since they were tried.
[[nodiscard]] const Backend* pick_backend(const ServicePortEntry& entry, const Decision& decision,
                                          PickContext context,
                                          std::span<const SocketAddress> tried);

/// The snapshot of all service ports that workers, listeners and the admin pages read: immutable,
/// replaced whole, shared between threads.
///
/// Successive tables share what did not change: copying one costs a pointer for every 64 service
/// ports, and changing a service port copies the 64 it stands among.
class BackendTable {
 public:
  using Entry = std::shared_ptr<const ServicePortEntry>;
  static constexpr std::size_t kChunkSize = 64;
  using Chunk = std::array<Entry, kChunkSize>;

  /// The empty table, generation 0.
  BackendTable() = default;
  explicit BackendTable(std::shared_ptr<const NodeView> node) : node_(std::move(node)) {}

  /// Counts tables from 1; a greater number is newer.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The node for which the decisions are made.
  [[nodiscard]] const NodeView& node() const noexcept { return *node_; }

  /// nullptr if the service port is gone.
  [[nodiscard]] const ServicePortEntry* find(ServicePortId id) const noexcept;

  /// Calls `visit` for every service port, in the order of slots.
  void for_each(const std::function<void(const ServicePortEntry&)>& visit) const;
  /// Every service port, sorted by key.
  [[nodiscard]] std::vector<const ServicePortEntry*> sorted() const;

  [[nodiscard]] std::span<const std::shared_ptr<const Chunk>> chunks() const noexcept {
    return chunks_;
  }

 private:
  friend class TableDraft;

  std::uint64_t generation_ = 0;
  std::size_t size_ = 0;
  std::shared_ptr<const NodeView> node_ = std::make_shared<const NodeView>();
  std::vector<std::shared_ptr<const Chunk>> chunks_;
};

/// The next table while it is made out of the last one. Control thread only.
class TableDraft {
 public:
  explicit TableDraft(const BackendTable& base);

  /// Puts an entry into its slot, or, with nothing, empties the slot.
  void set(std::uint32_t slot, BackendTable::Entry entry);
  void set_node(std::shared_ptr<const NodeView> node);

  /// The table, with the next generation. The draft is used up.
  [[nodiscard]] std::shared_ptr<const BackendTable> finish();

 private:
  std::shared_ptr<BackendTable> next_;
  std::vector<std::shared_ptr<BackendTable::Chunk>> own_;  ///< copied chunks, by index; else null
};

}  // namespace wherry::balancer
