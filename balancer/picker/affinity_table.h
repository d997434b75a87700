#pragma once

#include "base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace wherry::balancer {

/// Which backend each client of a service port stays with (L2). Shared by all its addresses, all
/// workers and all tables; owned by them together.
///
/// At most 65,536 clients, which take some 5 MB: 16 shards of 4,096, where the one that was seen
/// least recently goes when a new one comes. Room is taken as clients come. A client is known by
/// hash_of() its address; two with the same hash of 64 bits would share a backend, no more.
class AffinityTable {
 public:
  static constexpr std::size_t kShards = 16;
  static constexpr std::uint32_t kMostOfShard = 4'096;

  struct Client {
    std::uint64_t hash = 0;
    std::uint64_t backend = 0;   ///< hash_of() its address
    TimePoint seen{};            ///< when it last connected
    TimePoint placed{};          ///< when it was put among the newest of the ring
    std::uint32_t position = 0;  ///< where the backend stood in the list; it may have moved since
    std::uint32_t newer = 0;     ///< who was seen next, by index; the shard's ring
    std::uint32_t older = 0;
    std::uint32_t next = 0;  ///< in the same bucket
  };

  /// A part of the clients. Whoever calls its functions holds its mutex.
  class Shard {
   public:
    Shard() = default;
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    std::mutex mutex;  ///< guards everything below; held for one choice

    /// nullptr if the client is not known. Good until the next call of add().
    [[nodiscard]] Client* find(std::uint64_t hash) noexcept;
    /// A place for a client that is not known: a new one, or that of the one seen least recently
    /// if that was before `expired` or there is no more room.
    [[nodiscard]] Client& add(std::uint64_t hash, TimePoint expired);
    /// The client has connected now. Who was seen least recently is known to a second: a client
    /// that comes again within one keeps its place, which saves writing to its neighbours.
    void touch(Client& client, TimePoint now) noexcept;

    [[nodiscard]] std::size_t size() const noexcept {
      return clients_.empty() ? 0 : clients_.size() - 1;
    }

   private:
    [[nodiscard]] std::uint32_t& bucket_of(std::uint64_t hash) noexcept;
    void grow();
    void unlink(Client& client) noexcept;
    void put_newest(std::uint32_t index) noexcept;
    void forget(std::uint32_t index) noexcept;

    std::vector<Client> clients_;         ///< [0] is where the ring begins and ends
    std::vector<std::uint32_t> buckets_;  ///< a power of two; the first client's index, or 0
  };

  [[nodiscard]] Shard& shard_of(std::uint64_t client) noexcept;
  /// Clients that are held, those whose time is over among them. Takes every lock in turn.
  [[nodiscard]] std::size_t size();

 private:
  struct alignas(64) Place {
    Shard shard;
  };
  std::array<Place, kShards> places_;
};

}  // namespace wherry::balancer
