#include "proxy/app/worker_pool.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace wherry::app {

WorkerPool::WorkerPool(asio::io_context& control, std::size_t workers,
                       const tcp::SessionOptions& options, const udp::FlowOptions& flows,
                       const Clock& clock, std::uint64_t max_sessions)
    : control_(control), quota_(max_sessions, [this] {
        for (const auto& worker : workers_) {
          asio::post(worker->loop(), [&each = *worker] { each.resume_listeners(); });
        }
      }) {
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, options, flows, clock, quota_));
  }
  held_.resize(workers);
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::start() {
  for (const auto& worker : workers_) worker->start();
}

void WorkerPool::stop() {
  for (const auto& worker : workers_) {
    asio::post(worker->loop(), [&each = *worker] { each.stop(); });
  }
  for (const auto& worker : workers_) worker->join();
}

void WorkerPool::publish(const std::shared_ptr<const balancer::BackendTable>& table,
                         std::function<void()> live) {
  on_each(
      [table, &control = control_](Worker& worker) {
        auto old = worker.exchange_table(table);
        asio::post(control, [old = std::move(old)] {});
      },
      std::move(live));
}

void WorkerPool::use_local_networks(
    const std::shared_ptr<const balancer::LocalNetworks>& networks) {
  on_each([networks](Worker& worker) { worker.use_local_networks(networks); }, {});
}

void WorkerPool::open(const steer::ListenAddress& address, balancer::Entrance entrance,
                      std::vector<UniqueFd> sockets) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto socket = std::make_shared<UniqueFd>(std::move(sockets[i]));
    tell(i, [&each = *workers_[i], address, entrance, socket] {
      each.open(address, entrance, std::move(*socket));
    });
  }
}

void WorkerPool::retarget(const steer::ListenAddress& address, balancer::Entrance entrance) {
  on_each([address, entrance](Worker& worker) { worker.retarget(address, entrance); }, {});
}

void WorkerPool::filter(const steer::ListenAddress& address,
                        const balancer::ClientFilter& clients) {
  on_each(
      [at = address.address, program = steer::source_program(clients, address.address.ip.family())](
          Worker& worker) { worker.filter(at, program); },
      {});
}

void WorkerPool::close(const steer::ListenAddress& address, std::function<void()> closed) {
  on_each([address](Worker& worker) { worker.close(address); }, std::move(closed));
}

void WorkerPool::open_shared(Protocol protocol, IpFamily family, std::vector<UniqueFd> sockets) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto socket = std::make_shared<UniqueFd>(std::move(sockets[i]));
    tell(i, [&each = *workers_[i], protocol, family, socket] {
      each.open_shared(protocol, family, std::move(*socket));
    });
  }
}

void WorkerPool::use_pod_interfaces(std::vector<unsigned> interfaces) {
  std::sort(interfaces.begin(), interfaces.end());
  on_each([interfaces](Worker& worker) { worker.use_pod_interfaces(interfaces); }, {});
}

void WorkerPool::lead(std::vector<steer::EntranceChange> changes, std::function<void()> done) {
  const auto shared =
      std::make_shared<const std::vector<steer::EntranceChange>>(std::move(changes));
  on_each([shared](Worker& worker) { worker.lead(*shared); }, std::move(done));
}

void WorkerPool::close_listeners(std::function<void()> closed) {
  on_each([](Worker& worker) { worker.close_listeners(); }, std::move(closed));
}

void WorkerPool::tell(std::size_t worker, Message message) {
  if (holding_) {
    held_[worker].push_back(std::move(message));
  } else {
    asio::post(workers_[worker]->loop(), std::move(message));
  }
}

void WorkerPool::release() {
  holding_ = false;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    asio::post(workers_[i]->loop(), [messages = std::exchange(held_[i], {})] {
      for (const Message& message : messages) message();
    });
  }
}

void WorkerPool::on_each(const std::function<void(Worker&)>& what, std::function<void()> done) {
  // Written on the control thread only: each worker posts its turn back there.
  auto missing = std::make_shared<std::size_t>(workers_.size());
  auto shared_done = std::make_shared<std::function<void()>>(std::move(done));
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    tell(i, [&each = *workers_[i], &control = control_, what, missing, shared_done] {
      what(each);
      asio::post(control, [missing, shared_done] {
        if (--*missing == 0 && *shared_done) (*shared_done)();
      });
    });
  }
}

void WorkerPool::gather(std::function<void(Carried)> take) {
  struct Gathering {
    std::size_t missing;
    Carried all;
    std::function<void(Carried)> take;
  };
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  auto gathering = std::make_shared<Gathering>(Gathering{workers_.size(), {}, std::move(take)});
  for (const auto& worker : workers_) {
    asio::post(worker->loop(), [&each = *worker, &control = control_, gathering, append] {
      asio::post(control,
                 [gathering, append, sessions = each.sessions(), flows = each.flows()]() mutable {
                   append(gathering->all.sessions, sessions);
                   append(gathering->all.flows, flows);
                   if (--gathering->missing == 0) gathering->take(std::move(gathering->all));
                 });
    });
  }
}

/// The kernel spreads clients over the workers by a hash: each gets its share of the limits.
void WorkerPool::set_max_flows(std::uint64_t limit, std::uint64_t per_source) {
  if (limit == max_flows_ && per_source == max_flows_per_source_) return;
  max_flows_ = limit;
  max_flows_per_source_ = per_source;
  const auto share = [this](std::uint64_t of) {
    return static_cast<std::size_t>(std::max<std::uint64_t>(1, of / workers_.size()));
  };
  const udp::FlowTable::Limits limits{share(limit), share(per_source == 0 ? limit / 4 : per_source),
                                      per_source == 0};
  on_each([limits](Worker& worker) { worker.set_flow_limits(limits); }, {});
}

std::uint64_t WorkerPool::flows() const {
  return sum_udp([](const udp::Counters& counters) { return counters.flows_active.value(); });
}

std::uint64_t WorkerPool::sum(
    const std::function<std::uint64_t(const tcp::Counters&)>& count) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) total += count(worker->counters());
  return total;
}

std::uint64_t WorkerPool::sum_udp(
    const std::function<std::uint64_t(const udp::Counters&)>& count) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) total += count(worker->udp_counters());
  return total;
}

}  // namespace wherry::app
