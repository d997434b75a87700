#include "balancer/client_address.h"

#include <algorithm>

namespace wherry::balancer {

LocalNetworks::LocalNetworks(std::span<const Cidr> pods, std::span<const IpAddress> own)
    : own_(own.begin(), own.end()) {
  for (const Cidr& block : pods) {
    if (block == Cidr::of(block.base())) {
      single_pods_.push_back(block.base());
    } else if (std::find(pods_.begin(), pods_.end(), block) == pods_.end()) {
      pods_.push_back(block);
    }
  }
  std::sort(single_pods_.begin(), single_pods_.end());
  std::sort(own_.begin(), own_.end());
}

bool LocalNetworks::has_pod(const IpAddress& address) const {
  // A bridge has an address in its pods' block, and is none of them.
  if (is_own(address)) return false;
  return std::binary_search(single_pods_.begin(), single_pods_.end(), address) ||
         is_in_any(address, pods_);
}

bool LocalNetworks::is_own(const IpAddress& address) const {
  return address.is_loopback() || std::binary_search(own_.begin(), own_.end(), address);
}

bool keeps_client_address(const ClientAndBackend& of, const LocalNetworks& networks) {
  if (of.client.family() != of.backend.family()) return false;
  if (of.client.is_unspecified() || of.client.is_multicast()) return false;
  // This node itself, also where it comes from the address that it goes to.
  if (networks.is_own(of.client) || of.client == of.asked_for) return false;
  // On this node's own network: replies leave by output, and never come in.
  if (networks.is_own(of.backend)) return false;
  // F6: a pod that sees its own address as a client's would answer to itself.
  if (networks.has_pod(of.client)) return of.client != of.backend;
  return of.external_local && networks.has_pod(of.backend);
}

}  // namespace wherry::balancer
