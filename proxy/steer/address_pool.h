#pragma once

#include "base/cidr.h"
#include "watcher/model/object_key.h"

#include <map>
#include <optional>
#include <set>

namespace wherry::steer {

/// Gives each Service an address of its own out of a block.
///
/// An address comes from a hash of the Service's name, so that it is mostly the same after a
/// restart and on another machine; one that is taken leads to the next free one. A Service keeps
/// its address as long as it exists, whatever comes and goes beside it.
class AddressPool {
 public:
  explicit AddressPool(const Cidr& block);

  /// The Service's address, found now if it has none; nothing if the block is full.
  [[nodiscard]] std::optional<IpAddress> take(const model::ObjectKey& service);
  void give_back(const model::ObjectKey& service);

 private:
  const Cidr block_;
  const std::uint64_t first_;  ///< the network's own address is left out, and for IPv4 broadcast
  const std::uint64_t count_;
  std::map<model::ObjectKey, std::uint64_t> taken_;
  std::set<std::uint64_t> used_;
};

}  // namespace wherry::steer
