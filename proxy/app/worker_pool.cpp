#include "proxy/app/worker_pool.h"

#include <boost/asio/post.hpp>

#include <iterator>
#include <utility>

namespace wherry::app {

WorkerPool::WorkerPool(asio::io_context& control, std::size_t workers,
                       const tcp::SessionOptions& options, const Clock& clock,
                       std::uint64_t max_sessions)
    : control_(control), quota_(max_sessions, [this] {
        for (const auto& worker : workers_) {
          asio::post(worker->loop(), [&each = *worker] { each.resume_listeners(); });
        }
      }) {
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, options, clock, quota_));
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

void WorkerPool::open(const SocketAddress& address, balancer::Entrance entrance,
                      std::vector<UniqueFd> sockets) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto socket = std::make_shared<UniqueFd>(std::move(sockets[i]));
    tell(i, [&each = *workers_[i], address, entrance, socket] {
      each.open(address, entrance, std::move(*socket));
    });
  }
}

void WorkerPool::retarget(const SocketAddress& address, balancer::Entrance entrance) {
  on_each([address, entrance](Worker& worker) { worker.retarget(address, entrance); }, {});
}

void WorkerPool::filter(const SocketAddress& address, const balancer::ClientFilter& clients) {
  on_each([address, program = steer::source_program(clients, address.ip.family())](
              Worker& worker) { worker.filter(address, program); },
          {});
}

void WorkerPool::close(const SocketAddress& address, std::function<void()> closed) {
  on_each([address](Worker& worker) { worker.close(address); }, std::move(closed));
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

void WorkerPool::gather_sessions(std::function<void(std::vector<tcp::SessionSnapshot>)> take) {
  struct Gathering {
    std::size_t missing;
    std::vector<tcp::SessionSnapshot> all;
    std::function<void(std::vector<tcp::SessionSnapshot>)> take;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{workers_.size(), {}, std::move(take)});
  for (const auto& worker : workers_) {
    asio::post(worker->loop(), [&each = *worker, &control = control_, gathering] {
      asio::post(control, [gathering, found = each.sessions()]() mutable {
        gathering->all.insert(gathering->all.end(), std::make_move_iterator(found.begin()),
                              std::make_move_iterator(found.end()));
        if (--gathering->missing == 0) gathering->take(std::move(gathering->all));
      });
    });
  }
}

std::uint64_t WorkerPool::sum(
    const std::function<std::uint64_t(const tcp::Counters&)>& count) const {
  std::uint64_t total = 0;
  for (const auto& worker : workers_) total += count(worker->counters());
  return total;
}

}  // namespace wherry::app
