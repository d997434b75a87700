#include "proxy/steer/node_steering.h"

#include "tests/proxy/steer/bind_steering_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {
namespace {

using namespace std::chrono_literals;
using test::at;
using test::cidr;
using test::ip;
using test::service;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
namespace errc = boost::system::errc;

/// One order of events for all who are told something.
using Told = std::vector<std::string>;

class FakeKernel final : public bpf::KernelSteering {
 public:
  explicit FakeKernel(Told& told) : told_(told) {}
  error_code apply(const bpf::SteerChange& change) override {
    std::string text = "kernel";
    if (change.scope) {
      scope = *change.scope;
      text += " scope";
    }
    for (const bpf::Destination& gone : change.erase) {
      map.erase(gone);
      text += " -" + name(gone);
    }
    for (const auto& [destination, steered] : change.set) {
      map.insert_or_assign(destination, steered);
      text +=
          " " + name(destination) + "=" + std::string(to_string(steered.by_client[0]).substr(0, 1));
    }
    told_.push_back(text);
    return fails ? boost::system::errc::make_error_code(errc::not_enough_memory) : error_code();
  }
  error_code set_socket(Protocol protocol, IpFamily family, bpf::Group group, int fd) override {
    EXPECT_GE(fd, 0);
    told_.push_back("socket " + std::string(to_string(protocol)) + ' ' +
                    std::string(to_string(family)) +
                    (group == bpf::Group::Forward ? " forward" : " silent"));
    return {};
  }
  Result<bpf::Attachment> attachment() override {
    if (!is_attached) return bpf::Attachment::Detached;
    return is_pinned ? bpf::Attachment::Whole : bpf::Attachment::Unpinned;
  }
  error_code attach() override {
    if (attach_fails) return boost::system::errc::make_error_code(errc::permission_denied);
    is_attached = is_pinned = true;
    told_.push_back("attach");
    return {};
  }
  void close(Pins pins) override {
    told_.push_back(pins == Pins::Keep ? "close, keeping pins" : "close");
  }

  static std::string name(const bpf::Destination& destination) {
    return (destination.ip ? destination.ip->to_string() : "nodePort") + ":" +
           std::to_string(destination.port);
  }

  std::map<bpf::Destination, bpf::Steered> map;
  bpf::SteerScope scope;
  bool is_attached = false;
  bool is_pinned = true;
  bool attach_fails = false;
  bool fails = false;

 private:
  Told& told_;
};

class FakeNetwork final : public SteeredNetwork {
 public:
  explicit FakeNetwork(Told& told) : told_(told) {}
  [[nodiscard]] std::vector<IpAddress> addresses() const override { return own; }
  [[nodiscard]] std::vector<IpAddress> node_port_addresses(
      const NodePortRule&, const std::vector<IpAddress>&) const override {
    return own;
  }
  [[nodiscard]] std::vector<unsigned> pod_interfaces() const override { return interfaces; }
  void configure(const std::vector<Cidr>& service_cidrs,
                 const std::vector<IpAddress>& node) override {
    cidrs = service_cidrs;
    sources = node;
  }
  void route(const std::vector<IpAddress>& add, const std::vector<IpAddress>& remove) override {
    for (const IpAddress& each : add) told_.push_back("route " + each.to_string());
    for (const IpAddress& each : remove) told_.push_back("unroute " + each.to_string());
  }
  Repairs check() override {
    ++checks;
    if (own_when_checked) own = *std::exchange(own_when_checked, {});
    return std::exchange(missing, {});
  }
  [[nodiscard]] std::vector<std::string> problems() const override { return wrong; }
  [[nodiscard]] std::size_t routes() const noexcept override { return cidrs.size(); }
  void undo() noexcept override { told_.push_back("unroute all"); }

  std::vector<IpAddress> own{ip("192.0.2.7"), ip("fd00::7")};
  std::vector<unsigned> interfaces;
  std::optional<std::vector<IpAddress>> own_when_checked;  ///< what a look at the network finds
  std::vector<Cidr> cidrs;
  std::vector<IpAddress> sources;
  std::vector<std::string> wrong;
  Repairs missing;
  int checks = 0;

 private:
  Told& told_;
};

/// Workers that know what they are told once a test says so.
class FakeEntrances final : public EntranceHost {
 public:
  explicit FakeEntrances(Told& told) : told_(told) {}
  void open_shared(Protocol protocol, IpFamily family, std::vector<UniqueFd> sockets) override {
    EXPECT_EQ(sockets.size(), 3u);
    told_.push_back("listen " + std::string(to_string(protocol)) + ' ' +
                    std::string(to_string(family)));
  }
  void lead(std::vector<EntranceChange> changes, std::function<void()> done) override {
    for (const EntranceChange& each : changes) {
      told_.push_back((each.entrance ? "lead " : "forget ") + each.ip.to_string() + ":" +
                      each.ports.to_string());
    }
    pending.push_back(std::move(done));
  }
  void use_pod_interfaces(std::vector<unsigned> interfaces) override {
    pod_interfaces = std::move(interfaces);
  }
  void acknowledge() {
    for (const auto& done : std::exchange(pending, {})) done();
  }

  std::vector<std::function<void()>> pending;
  std::vector<unsigned> pod_interfaces;

 private:
  Told& told_;
};

class NodeSteeringTest : public ::testing::Test {
 protected:
  NodeSteeringTest() {
    tables_.builder.set_node(node("192.0.2.7"));
    make({});
  }

  void make(std::vector<Cidr> service_cidrs) {
    NodeSteeringRules rules{{IpFamily::IPv4, IpFamily::IPv6}, std::move(service_cidrs), {}, 3};
    ListenRules beside;
    beside.beside_node = true;
    const ReportService report = [this](const model::ObjectKey& of, const std::string& reason,
                                        const std::string&) {
      events_.push_back(of.to_string() + " " + reason);
    };
    steering_ = std::make_unique<NodeSteering>(
        rules,
        NodeSteeringParts{kernel_, network_, entrances_, timers_, std::ref(sockets_),
                          [this](Protocol, IpFamily) -> Result<UniqueFd> {
                            if (silent_fails_) {
                              return boost::system::errc::make_error_code(
                                  errc::too_many_files_open);
                            }
                            return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
                          },
                          [this](IpFamily) { return no_answers_; },
                          [this]() -> Result<HostPorts> { return host_ports_; }, report},
        std::make_unique<BindSteering>(
            beside, local_, listeners_, timers_, std::ref(sockets_), 1000, [] {}, report));
  }
  static balancer::NodeView node(const std::string& address) {
    return balancer::view_of(&test::node("node-1").address(address).pod_cidr("10.244.1.0/24").get(),
                             "node-1");
  }
  void serve(const test::ServiceBuilder& object) {
    tables_.services.upsert(object);
    const std::string name = object.get().meta.key.name;
    tables_.slices.upsert(test::slice(name + "-1", name).port("", 8080).endpoint("10.1.0.1"));
  }
  void lose_endpoints(const std::string& name) {
    tables_.slices.upsert(test::slice(name + "-1", name).port("", 8080).not_ready("10.1.0.1"));
  }
  Told apply() {
    told_.clear();
    steering_->apply(tables_.build());
    return told_;
  }
  Told acknowledge() {
    told_.clear();
    entrances_.acknowledge();
    return told_;
  }
  /// The first table is in force.
  void begin() {
    apply();
    acknowledge();
  }
  [[nodiscard]] double metric(const std::string& name) const {
    MetricFamilies families;
    steering_->collect(families);
    for (const MetricFamily& family : families) {
      if (family.name == name) return family.samples.at(0).value;
    }
    return -1;
  }
  static test::ServiceBuilder web() { return service("web").cluster_ip("10.96.0.1").port("", 80); }

  Told told_;
  test::LogCapture log_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  FakeKernel kernel_{told_};
  FakeNetwork network_{told_};
  FakeEntrances entrances_{told_};
  FakeLocalAddresses local_;
  FakeListenerHost listeners_;
  FakeOpenListenSockets sockets_;
  HostPorts host_ports_;
  bool silent_fails_ = false;
  error_code no_answers_;
  Told events_;
  balancer::Tables tables_;
  std::unique_ptr<NodeSteering> steering_;
};

// --- the order in which who is told ---

TEST_F(NodeSteeringTest, NothingIsTouchedBeforeTheFirstTable) { EXPECT_THAT(told_, IsEmpty()); }

TEST_F(NodeSteeringTest, TheFirstTableIsToldWholeOnceWorkersKnow) {
  serve(web());
  tables_.services.upsert(service("empty").cluster_ip("10.96.0.2").port("", 80));

  EXPECT_THAT(apply(), ElementsAre("listen TCP IPv4", "listen UDP IPv4", "listen TCP IPv6",
                                   "listen UDP IPv6", "route 10.96.0.1", "route 10.96.0.2",
                                   "lead 10.96.0.1:80", "lead 10.96.0.2:80"));
  EXPECT_THAT(
      acknowledge(),
      ElementsAre("kernel scope 10.96.0.1:80=f 10.96.0.2:80=r", "socket TCP IPv4 forward",
                  "socket TCP IPv4 silent", "socket UDP IPv4 forward", "socket UDP IPv4 silent",
                  "socket TCP IPv6 forward", "socket TCP IPv6 silent", "socket UDP IPv6 forward",
                  "socket UDP IPv6 silent", "attach"));
}

TEST_F(NodeSteeringTest, IsInForceOnceTheKernelLeadsClientsHere) {
  serve(web());
  apply();
  EXPECT_FALSE(steering_->is_in_force());

  acknowledge();
  EXPECT_TRUE(steering_->is_in_force());

  kernel_.is_attached = false;
  kernel_.attach_fails = true;
  timers_.advance(30s);
  EXPECT_FALSE(steering_->is_in_force());
}

TEST_F(NodeSteeringTest, AnEmptyFirstTableIsToldTooSoThatWhatACrashedOneLeftGoes) {
  apply();
  const Told told = acknowledge();
  ASSERT_EQ(told.size(), 10u);
  EXPECT_EQ(told.front(), "kernel scope");
  EXPECT_EQ(told.back(), "attach");
}

TEST_F(NodeSteeringTest, WhatOpensTheKernelLeadsToOnceWorkersKnow) {
  begin();
  serve(web());

  EXPECT_THAT(apply(), ElementsAre("route 10.96.0.1", "lead 10.96.0.1:80"));
  EXPECT_THAT(acknowledge(), ElementsAre("kernel 10.96.0.1:80=f"));
}

TEST_F(NodeSteeringTest, WhatClosesTheKernelIsToldAtOnceAndBeforeWorkers) {
  serve(web());
  begin();

  lose_endpoints("web");
  EXPECT_THAT(apply(), ElementsAre("kernel 10.96.0.1:80=r"));

  tables_.services.erase({"default", "web"});
  EXPECT_THAT(apply(),
              ElementsAre("unroute 10.96.0.1", "kernel -10.96.0.1:80", "forget 10.96.0.1:80"));
}

TEST_F(NodeSteeringTest, WhatClosesWhileItWaitsToOpenStaysClosed) {
  begin();
  serve(web());
  apply();
  lose_endpoints("web");
  EXPECT_THAT(apply(), ElementsAre("kernel 10.96.0.1:80=r"));

  EXPECT_THAT(acknowledge(), IsEmpty());
  EXPECT_EQ(kernel_.map.begin()->second.by_client[0], balancer::Verdict::Reject);
}

TEST_F(NodeSteeringTest, WhatComesAgainWaitsForItsOwnAcknowledgement) {
  begin();
  serve(web());
  apply();
  tables_.services.erase({"default", "web"});
  apply();
  serve(web());
  apply();
  ASSERT_EQ(entrances_.pending.size(), 3u);
  told_.clear();

  auto pending = std::exchange(entrances_.pending, {});
  pending[0]();
  pending[1]();
  EXPECT_THAT(told_, IsEmpty());
  pending[2]();
  EXPECT_THAT(told_, ElementsAre("kernel 10.96.0.1:80=f"));
}

TEST_F(NodeSteeringTest, EndpointsOfAServiceThatIsSteeredChangeNothing) {
  serve(web());
  begin();
  tables_.slices.upsert(test::slice("web-2", "web").port("", 8080).endpoint("10.1.0.2"));

  EXPECT_THAT(apply(), IsEmpty());
}

// --- the node ---

TEST_F(NodeSteeringTest, TheKernelKnowsTheNode) {
  begin();
  EXPECT_THAT(kernel_.scope.node_addresses, ElementsAre(ip("192.0.2.7"), ip("fd00::7")));
  EXPECT_THAT(kernel_.scope.node_port_addresses, ElementsAre(ip("192.0.2.7"), ip("fd00::7")));
  EXPECT_THAT(kernel_.scope.pod_cidrs, ElementsAre(cidr("10.244.1.0/24")));
  EXPECT_THAT(network_.sources, ElementsAre(ip("192.0.2.7")));

  tables_.builder.set_node(node("192.0.2.8"));
  network_.own.push_back(ip("192.0.2.8"));
  network_.interfaces = {5};
  EXPECT_THAT(apply(), ElementsAre("kernel scope"));
  EXPECT_THAT(kernel_.scope.pod_interfaces, ElementsAre(5u));
  EXPECT_THAT(entrances_.pod_interfaces, ElementsAre(5u)) << "who judges datagrams";
  EXPECT_THAT(network_.sources, ElementsAre(ip("192.0.2.8")));
}

/// What an interface got between the start and the first table.
TEST_F(NodeSteeringTest, TheKernelKnowsTheNodeAsTheFirstLookHasFoundIt) {
  network_.own_when_checked = {ip("192.0.2.7"), ip("192.0.2.70")};
  begin();
  EXPECT_THAT(kernel_.scope.node_addresses, ElementsAre(ip("192.0.2.7"), ip("192.0.2.70")));
}

TEST_F(NodeSteeringTest, W4_ServiceCidrsAreTheClustersUnlessGiven) {
  begin();
  steering_->set_service_cidrs({cidr("10.96.0.0/12")});
  EXPECT_THAT(network_.cidrs, ElementsAre(cidr("10.96.0.0/12")));
  EXPECT_THAT(kernel_.scope.service_cidrs, ElementsAre(cidr("10.96.0.0/12")));
  EXPECT_THAT(steering_->service_cidrs(), ElementsAre(cidr("10.96.0.0/12")));

  make({cidr("10.43.0.0/16")});
  begin();
  steering_->set_service_cidrs({cidr("10.96.0.0/12")});
  EXPECT_THAT(kernel_.scope.service_cidrs, ElementsAre(cidr("10.43.0.0/16")));
}

TEST_F(NodeSteeringTest, AddressesThatComeAreFollowed) {
  begin();
  network_.own.push_back(ip("192.0.2.9"));
  told_.clear();
  steering_->addresses_changed();

  EXPECT_THAT(told_, ElementsAre("kernel scope"));
  EXPECT_THAT(kernel_.scope.node_port_addresses, Contains(ip("192.0.2.9")));
}

// --- who asks for what ---

TEST_F(NodeSteeringTest, SaysWhatAnAddressIs) {
  serve(web().node_port(30080));
  begin();
  const auto kind = [this](const std::string& address) {
    const auto entrance = steering_->entrance(Protocol::TCP, at(address));
    return entrance ? std::string(balancer::to_string(entrance->kind)) : "nothing";
  };

  EXPECT_EQ(kind("10.96.0.1:80"), "clusterIP");
  EXPECT_EQ(kind("192.0.2.7:30080"), "nodePort");
  EXPECT_EQ(kind("127.0.0.1:30080"), "nodePort") << "F3";
  EXPECT_EQ(kind("192.0.2.8:30080"), "nothing");
  EXPECT_EQ(kind("10.96.0.1:30080"), "nothing");
  EXPECT_TRUE(steering_->passes(ip("192.0.2.7")));
  EXPECT_FALSE(steering_->passes(ip("10.96.0.1")));
}

TEST_F(NodeSteeringTest, S1_AServiceWithoutClusterIpHasAListenerBeside) {
  serve(service("plain").port("", 8080).node_port(30081));
  apply();

  EXPECT_THAT(listeners_.take_told(), ElementsAre("open 127.0.0.1:8080"));
  EXPECT_THAT(told_, Contains("lead 0.0.0.0:30081"));

  serve(web());
  apply();
  EXPECT_THAT(listeners_.take_told(), IsEmpty());
}

// --- what goes wrong ---

TEST_F(NodeSteeringTest, WhatAListenerBesideHasToComplainOfIsLoggedOnce) {
  serve(service("plain").port("", 8080));
  serve(service("second").port("", 8080));
  begin();

  EXPECT_EQ(log_.count("belongs to the older service port"), 1u);
  EXPECT_THAT(steering_->problems(), ElementsAre(HasSubstr("belongs to the older service port")));
}

TEST_F(NodeSteeringTest, R7_WhatSomebodyDetachedIsPutBack) {
  begin();
  kernel_.is_attached = false;
  network_.missing = {{"routes of Services", 2}};
  told_.clear();
  timers_.advance(30s);

  EXPECT_THAT(told_, ElementsAre("attach"));
  EXPECT_EQ(metric("wherry_steering_repairs_total"), 3);
  EXPECT_EQ(metric("wherry_steering_attached"), 1);
  EXPECT_EQ(log_.count("had taken away"), 2u);
  EXPECT_EQ(log_.count("which was detached"), 1u);

  kernel_.is_pinned = false;
  timers_.advance(30s);

  EXPECT_EQ(log_.count("what is pinned"), 1u);
  EXPECT_EQ(metric("wherry_steering_repairs_total"), 4);
}

TEST_F(NodeSteeringTest, WhatCanNotBeAttachedIsNamedAndTriedAgain) {
  kernel_.attach_fails = true;
  begin();
  EXPECT_THAT(steering_->problems(),
              ElementsAre(HasSubstr("can't be attached: Permission denied")));
  EXPECT_EQ(metric("wherry_steering_attached"), 0);

  kernel_.attach_fails = false;
  timers_.advance(30s);
  EXPECT_THAT(steering_->problems(), IsEmpty());
  EXPECT_EQ(metric("wherry_steering_repairs_total"), 0);
}

TEST_F(NodeSteeringTest, SocketsThatCanNotBeOpenedAreNamedAndTriedAgain) {
  silent_fails_ = true;
  begin();
  const auto of_both = ElementsAre(HasSubstr("listeners of IPv4 can't be opened"),
                                   HasSubstr("listeners of IPv6 can't be opened"));
  EXPECT_THAT(steering_->problems(), of_both);

  silent_fails_ = false;
  no_answers_ = boost::system::errc::make_error_code(errc::too_many_files_open);
  timers_.advance(2s);
  EXPECT_THAT(steering_->problems(), of_both);

  no_answers_ = {};
  told_.clear();
  timers_.advance(2s);
  EXPECT_THAT(told_, Contains("listen TCP IPv4"));
  EXPECT_THAT(steering_->problems(), IsEmpty());
  EXPECT_EQ(steering_->open_sockets(), 16u);
}

TEST_F(NodeSteeringTest, WithoutTheRightToAnswerUdpIsRefusedAndThatIsOneProblem) {
  no_answers_ = boost::system::errc::make_error_code(errc::operation_not_permitted);
  const Told told = apply();
  EXPECT_THAT(told, Contains("listen TCP IPv4"));
  EXPECT_THAT(told, Contains("listen TCP IPv6"));
  EXPECT_THAT(told, Not(Contains(HasSubstr("listen UDP"))));
  const Told given = acknowledge();
  EXPECT_THAT(given, Contains("socket UDP IPv4 silent")) << "drops are silent all the same";
  EXPECT_THAT(given, Not(Contains("socket UDP IPv4 forward")));

  timers_.advance(90s);
  EXPECT_THAT(steering_->problems(), ElementsAre(HasSubstr("CAP_NET_RAW is missing")));
  EXPECT_EQ(metric("wherry_steering_problems"), 1);
  EXPECT_EQ(log_.count("CAP_NET_RAW is missing"), 1u);
  EXPECT_FALSE(steering_->carries_udp());
  EXPECT_EQ(steering_->open_sockets(), 10u);
}

TEST_F(NodeSteeringTest, WhatTheKernelRefusesIsNamedUntilItTakesAll) {
  begin();
  kernel_.fails = true;
  serve(web());
  apply();
  acknowledge();
  EXPECT_THAT(steering_->problems(), ElementsAre(HasSubstr("the kernel did not take all")));

  kernel_.fails = false;
  timers_.advance(30s);
  EXPECT_THAT(steering_->problems(), IsEmpty());
}

TEST_F(NodeSteeringTest, F4_ANodePortThatAProcessListensOnIsReportedOnceAndServed) {
  begin();
  host_ports_ = {{Protocol::TCP, 30080}, {Protocol::UDP, 30081}};
  serve(web().node_port(30080));
  serve(service("other").cluster_ip("10.96.0.2").port("", 80).node_port(30081));
  apply();
  acknowledge();
  timers_.advance(30s);

  EXPECT_THAT(events_, ElementsAre("default/web NodePortInUse"));
  EXPECT_EQ(metric("wherry_node_ports_taken"), 1);
  EXPECT_TRUE(kernel_.map.contains(
      bpf::Destination{Protocol::TCP, IpFamily::IPv4, std::nullopt, 30080, 30080}));

  host_ports_.clear();
  timers_.advance(30s);
  EXPECT_EQ(metric("wherry_node_ports_taken"), 0);
}

TEST_F(NodeSteeringTest, U1_SctpIsNamedOnceInTheLogAndOnItsService) {
  const auto sctp = [](const std::string& name) {
    return service(name).port("", 132, std::uint16_t{0}, Protocol::SCTP);
  };
  begin();
  tables_.services.upsert(sctp("sig").cluster_ip("10.96.0.9"));
  apply();
  EXPECT_EQ(log_.count("service port default/sig/SCTP/IPv4: SCTP is not carried"), 1u);

  tables_.services.upsert(sctp("plain"));
  serve(web());
  apply();
  acknowledge();
  timers_.advance(30s);
  steering_->addresses_changed();

  EXPECT_EQ(log_.count("SCTP is not carried"), 2u);
  EXPECT_THAT(events_, ElementsAre("default/sig ProtocolNotSupported",
                                   "default/plain ProtocolNotSupported"));
  EXPECT_THAT(steering_->not_carried(),
              ElementsAre(HasSubstr("default/plain/"), HasSubstr("default/sig/")));
  EXPECT_THAT(steering_->problems(), IsEmpty()) << "the machine is well";
}

TEST_F(NodeSteeringTest, U1_SctpOfTheFirstTableIsNamedToo) {
  tables_.services.upsert(
      service("sig").cluster_ip("10.96.0.9").port("", 132, std::uint16_t{0}, Protocol::SCTP));
  begin();

  EXPECT_EQ(log_.count("SCTP is not carried"), 1u);
  EXPECT_THAT(events_, ElementsAre("default/sig ProtocolNotSupported"));
}

// --- the end ---

TEST_F(NodeSteeringTest, R5_StopLeavesAllForWhoIsThereAndUndoTakesItBack) {
  serve(web());
  begin();
  told_.clear();

  steering_->stop();
  EXPECT_THAT(told_, IsEmpty()) << "sessions that drain need the routes";
  serve(service("late").cluster_ip("10.96.0.3").port("", 80));
  EXPECT_THAT(apply(), IsEmpty());
  timers_.advance(10min);
  EXPECT_THAT(told_, IsEmpty());

  steering_->undo();
  EXPECT_THAT(told_, ElementsAre("close", "unroute all"));
}

TEST_F(NodeSteeringTest, AnAcknowledgementAfterTheEndIsPassedOver) {
  serve(web());
  apply();
  steering_.reset();
  EXPECT_THAT(acknowledge(), IsEmpty());
}

}  // namespace
}  // namespace wherry::steer
