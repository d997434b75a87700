#include "proxy/steer/routed_steering.h"

#include <chrono>
#include <utility>

namespace wherry::steer {
namespace {

constexpr Duration kCheck = std::chrono::seconds(30);

}  // namespace

RoutedSteering::RoutedSteering(std::vector<IpFamily> families, std::vector<Cidr> service_cidrs,
                               SteeredNetwork& network, Timers& timers,
                               std::unique_ptr<BindSteering> listeners)
    : given_cidrs_(std::move(service_cidrs)),
      network_(network),
      timers_(timers),
      listeners_(std::move(listeners)),
      claims_(std::move(families)),
      table_(std::make_shared<const balancer::BackendTable>()),
      repairs_(timers) {}

void RoutedSteering::apply(std::shared_ptr<const balancer::BackendTable> next) {
  if (stopped_) return;
  const auto old = std::exchange(table_, std::move(next));
  const NodeChange change = claims_.update(*old, *table_);
  const bool is_first = !std::exchange(started_, true);
  const bool is_other_node = old->node() != table_->node();
  if (is_first || is_other_node) refresh_routes();
  // An address can be listened on once it is routed here, and until then.
  network_.route(change.new_addresses, {});
  if (is_first) {
    check();
    wait_for_check();
  }
  listeners_->apply(table_);
  // Where NodePorts are served may follow from the Node's addresses.
  if (!is_first && is_other_node) listeners_->addresses_changed();
  network_.route({}, change.gone_addresses);
}

void RoutedSteering::refresh_routes() {
  const std::vector<Cidr>& blocks = given_cidrs_.empty() ? cluster_cidrs_ : given_cidrs_;
  network_.configure(blocks, table_->node().addresses);
}

void RoutedSteering::addresses_changed() {
  if (stopped_ || !started_) return;
  check();
  listeners_->addresses_changed();
}

void RoutedSteering::set_service_cidrs(const std::vector<Cidr>& cidrs) {
  cluster_cidrs_ = cidrs;
  if (stopped_ || !started_) return;
  refresh_routes();
  listeners_->addresses_changed();
}

void RoutedSteering::wait_for_check() {
  check_ = timers_.schedule(kCheck, [this] {
    addresses_changed();  // of our own routes that are back nobody else tells
    wait_for_check();
  });
}

void RoutedSteering::check() {
  repairs_.note(network_.check());
  refresh_routes();  // by what was seen just now
}

void RoutedSteering::stop() noexcept {
  stopped_ = true;
  check_.cancel();
  repairs_.stop();
  listeners_->stop();
}

void RoutedSteering::undo() noexcept { network_.undo(); }

bool RoutedSteering::passes(const IpAddress& address) const {
  return address.is_loopback() || is_among(address, table_->node().addresses);
}

std::vector<std::string> RoutedSteering::problems() const {
  std::vector<std::string> all = network_.problems();
  for (std::string& text : listeners_->problems()) all.push_back(std::move(text));
  return all;
}

void RoutedSteering::collect(MetricFamilies& into) const {
  listeners_->collect(into);
  into.push_back(single_metric("wherry_steering_routes",
                               "Routes that bring Services' addresses to this machine.",
                               MetricKind::Gauge, static_cast<double>(network_.routes())));
  into.push_back(single_metric(
      "wherry_steering_repairs_total",
      "What wherry has set up that somebody took away or changed, and that was put back.",
      MetricKind::Counter, static_cast<double>(repairs_.total())));
}

}  // namespace wherry::steer
