#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "proxy/udp/reason.h"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace wherry::udp {

class ReplyPath;

/// What makes datagrams one flow: who asks, and what.
struct FlowKey {
  SocketAddress client;
  SocketAddress asked;
  std::uint32_t scope = 0;      ///< interface of a link-local client
  balancer::Entrance entrance;  ///< an address that changes hands begins new flows

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

/// One client's exchange with one backend.
///
/// Owned by FlowTable, or by whoever took it out. The first part is the table's business.
struct Flow {
  FlowKey key;
  TimePoint last_active{};  ///< in either direction
  Duration idle_timeout{};
  std::multimap<TimePoint, Flow*>::iterator deadline;  ///< no later than when it is really due
  boost::intrusive::list_member_hook<> by_age;
  boost::intrusive::list_member_hook<> by_age_in_source;

  // What carries it (flow_set.cpp).
  UniqueFd socket;  ///< connected to the backend; none: one is chosen at the next datagram
  ReplyPath* reply_path = nullptr;  ///< the way back to the client
  SocketAddress backend;
  std::shared_ptr<balancer::BackendState> backend_state;
  std::shared_ptr<balancer::ServicePortState> service_port_state;
  std::uint64_t checked_generation = 0;  ///< of the table in which its backend served last
  std::optional<SocketAddress> refused;  ///< a backend that did not answer: another one is better
  /// What stands before each datagram to the backend: a PROXY header, where its Service wants one.
  std::string header{};
  bool awaits_answer = false;  ///< the client spoke last
  WallTime since{};
  std::uint64_t bytes_in = 0;   ///< client to backend
  std::uint64_t bytes_out = 0;  ///< backend to client
};

/// The flows of one worker: by who asks what, in the order in which they were last used, bounded in
/// all and, once there is no room left, for each client address. Where a bound is met the flow that
/// was idle for longest has to go: a resolver that asks from a new port each time must not be shut
/// out by its own old flows.
///
/// A client address may have all the room that nobody else wants: thousands may stand behind it
/// (address translation), and with few flows a burst of theirs pushes out those whose answers are
/// still to come. When others want the room, who has more than its part gives it up first. That is
/// where nobody has said how much a client address may have; a number that was given holds always.
///
/// Pure: time is given, nothing is opened. One thread.
class FlowTable {
 public:
  struct Limits {
    std::size_t flows = 1;       ///< at least 1
    std::size_t per_source = 1;  ///< of one client address; at least 1
    bool lends_room = false;     ///< per_source counts only when others want room
  };

  /// `seed` is secret: it keeps strangers from choosing keys that fall together.
  FlowTable(Limits limits, std::uint64_t seed);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  /// nullptr if there is none. Does not count as use.
  [[nodiscard]] Flow* find(const FlowKey& key) noexcept;

  struct Taken {
    std::unique_ptr<Flow> flow;
    FlowEnd reason = FlowEnd::FlowLimit;
  };
  /// A flow that has to go before one of `source` can be added; nothing once there is room.
  [[nodiscard]] std::optional<Taken> make_room(const IpAddress& source);
  /// Precondition: the key is not known, and there is room.
  Flow& add(const FlowKey& key, Duration idle_timeout, TimePoint now);
  /// The flow is in use: its idle timeout begins anew.
  void touch(Flow& flow, TimePoint now) noexcept;
  /// Another idle timeout, since the flow was last used. True if next_deadline() may be earlier
  /// now.
  bool set_idle_timeout(Flow& flow, Duration timeout);
  std::unique_ptr<Flow> remove(Flow& flow);
  /// The flow that was idle for longest; null if there is none.
  [[nodiscard]] std::unique_ptr<Flow> remove_oldest();
  /// One of the client address that has most: of its flows the one that was idle for longest. Where
  /// nobody has more than the owner of the one idle for longest of all, that one. Null if there is
  /// none.
  [[nodiscard]] std::unique_ptr<Flow> remove_of_largest_source();
  /// A flow whose idle timeout has passed; null if there is none (left).
  [[nodiscard]] std::unique_ptr<Flow> take_expired(TimePoint now);
  /// When take_expired() is worth a call; nothing where there are no flows.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  /// Lower limits come into force as flows are added.
  void set_limits(Limits limits) noexcept { limits_ = limits; }
  [[nodiscard]] std::size_t size() const noexcept { return flows_.size(); }
  [[nodiscard]] std::size_t size_of(const IpAddress& source) const;
  /// `visit` may not add or remove.
  void for_each(const std::function<void(Flow&)>& visit);

 private:
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const FlowKey& key) const noexcept;
  };
  struct AddressHash {
    std::uint64_t seed;
    std::size_t operator()(const IpAddress& address) const noexcept;
  };
  using ByAge = boost::intrusive::list<
      Flow,
      boost::intrusive::member_hook<Flow, boost::intrusive::list_member_hook<>, &Flow::by_age>>;
  using ByAgeInSource = boost::intrusive::list<
      Flow, boost::intrusive::member_hook<Flow, boost::intrusive::list_member_hook<>,
                                          &Flow::by_age_in_source>>;

  struct Source {
    ByAgeInSource flows;
    boost::intrusive::set_member_hook<> by_size;

    friend bool operator<(const Source& a, const Source& b) noexcept {
      return a.flows.size() < b.flows.size();
    }
  };
  using BySize = boost::intrusive::multiset<
      Source,
      boost::intrusive::member_hook<Source, boost::intrusive::set_member_hook<>, &Source::by_size>,
      boost::intrusive::constant_time_size<false>>;

  [[nodiscard]] Source& source_of(const Flow& flow) {
    return sources_.find(flow.key.client.ip)->second;
  }

  Limits limits_;
  std::unordered_map<FlowKey, std::unique_ptr<Flow>, KeyHash> flows_;
  std::unordered_map<IpAddress, Source, AddressHash> sources_;
  BySize by_size_;  ///< of sources_, who has most last
  ByAge by_age_;    ///< the one idle for longest first
  /// A flow that was used since keeps its old place until that comes up: using one costs no search.
  std::multimap<TimePoint, Flow*> deadlines_;
};

}  // namespace wherry::udp
