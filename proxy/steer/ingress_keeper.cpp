#include "proxy/steer/ingress_keeper.h"

#include "base/log.h"

#include <algorithm>
#include <set>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

/// Words of the record.
constexpr const char* kFilter = "tc ingress filter";
constexpr const char* kHook = "clsact qdisc";

}  // namespace

bpf::ReturnScope return_scope(const NetworkState& now) {
  bpf::ReturnScope scope;
  std::map<unsigned, const Interface*> by_index;
  for (const Interface& each : now.interfaces) by_index.emplace(each.index, &each);
  for (const Interface& each : now.interfaces) {
    for (const InterfaceAddress& address : each.addresses) scope.own.push_back(address.ip);
    const auto master = by_index.find(each.master);
    if (each.master != 0 && master != by_index.end() && master->second->kind == "bridge") {
      scope.bridges.emplace(each.index, master->second->mac);
    }
  }
  return scope;
}

error_code add_unlisted(TrafficControl& tc, std::vector<LinkChange>& links) {
  const auto hooked = tc.hooked();
  if (!hooked) {
    // A kernel without traffic control has nothing of the kind.
    const error_code& error = hooked.error();
    return error == errc::operation_not_supported ? error_code() : error;
  }
  std::set<unsigned> listed;
  for (const LinkChange& each : links) {
    if (each.what == kFilter) listed.insert(each.interface);
  }
  for (const unsigned interface : *hooked) {
    if (listed.contains(interface)) continue;
    const auto there = tc.filters(interface);
    if (!there) return there.error();
    if (!there->ours) continue;
    // Its name is for a record, and this is not written down.
    links.push_back({interface, "", kFilter});
    links.push_back({interface, "", kHook});
  }
  return {};
}

IngressKeeper::IngressKeeper(TrafficControl& tc, bpf::ReturnProgram& program,
                             const std::vector<LinkChange>& left)
    : tc_(tc), program_(program) {
  for (const LinkChange& each : left) {
    if (each.what != kFilter && each.what != kHook) continue;
    Place& place = places_[each.interface];
    place.name = each.name;
    place.made_hook |= each.what == kHook;
  }
}

Result<std::size_t> IngressKeeper::check(const NetworkState& now) {
  const auto hooked = tc_.hooked();
  if (!hooked) return hooked.error();
  if (const error_code error = program_.apply(return_scope(now))) {
    log::warn("the program that brings answers back can't be told of every interface",
              {{"reason", error.message()}});
  }
  std::map<unsigned, Place> next;
  std::size_t restored = 0;
  for (const Interface& each : now.interfaces) {
    if (each.is_loopback) continue;
    const auto known = places_.find(each.index);
    Place place;
    // An index may be used again; what has another name is another interface, or was renamed: the
    // filter is found either way, a qdisc of a renamed one is left behind, empty.
    if (known != places_.end() && known->second.name == each.name) place = known->second;
    place.name = each.name;
    restored += look_after(each.index, place, hooked->contains(each.index)) ? 1 : 0;
    next.emplace(each.index, std::move(place));
  }
  places_ = std::move(next);
  return restored;
}

/// True if the filter was gone that had been there.
bool IngressKeeper::look_after(unsigned interface, Place& place, bool has_hook) {
  const bool was_attached = std::exchange(place.attached, false);
  place.failure = {};
  if (!has_hook) {
    place.failure = tc_.add_hook(interface);
    place.made_hook = !place.failure;
    if (place.failure && place.failure.code != errc::file_exists) return false;
  } else {
    const auto there = tc_.filters(interface);
    if (there && there->ours == program_.id()) {
      place.attached = true;
      return false;
    }
  }
  place.failure = tc_.put(interface, program_.fd());
  place.attached = !place.failure;
  return was_attached && place.attached;
}

NetlinkFailure IngressKeeper::remove_all() {
  NetlinkFailure first;
  for (auto at = places_.begin(); at != places_.end();) {
    NetlinkFailure failure = remove(at->first, at->second);
    if (failure) {
      if (!first) first = failure;
      at->second.failure = std::move(failure);
      ++at;
    } else {
      at = places_.erase(at);
    }
  }
  return first;
}

NetlinkFailure IngressKeeper::remove(unsigned interface, const Place& place) {
  if (NetlinkFailure failure = tc_.take(interface)) return failure;
  if (!place.made_hook) return {};
  const auto left = tc_.filters(interface);
  if (!left) return {left.error(), ""};
  return left->others ? NetlinkFailure() : tc_.remove_hook(interface);
}

std::vector<LinkChange> IngressKeeper::links() const {
  std::vector<LinkChange> all;
  for (const auto& [interface, place] : places_) {
    all.push_back({interface, place.name, kFilter});
    if (place.made_hook) all.push_back({interface, place.name, kHook});
  }
  return all;
}

std::vector<std::string> IngressKeeper::problems() const {
  std::vector<std::string> all;
  for (const auto& [interface, place] : places_) {
    if (place.attached || !place.failure) continue;
    all.push_back("interface " + place.name +
                  ": the program that brings backends' answers back can't be attached (" +
                  place.failure.to_string() +
                  "): connections whose answers come in there hang; free tc priority " +
                  std::to_string(kFilterPriority) + ", or use --transparent off");
  }
  return all;
}

std::size_t IngressKeeper::size() const noexcept {
  return static_cast<std::size_t>(std::count_if(
      places_.begin(), places_.end(), [](const auto& each) { return each.second.attached; }));
}

}  // namespace wherry::steer
