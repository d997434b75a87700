#pragma once

#include "base/async/asio.h"
#include "tests/support/sockets.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>

namespace wherry::health {

/// A loop on a thread of its own, for servers that block nobody and clients that do. join() once
/// the servers have been stopped, before they are destroyed.
class Serving {
 public:
  Serving() : thread_([this] { loop.run(); }) {}
  void join() {
    work_.reset();
    thread_.join();
  }

  /// Runs `what` on the loop, and waits for it.
  void run(const std::function<void()>& what) {
    std::promise<void> done;
    asio::post(loop, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// The whole answer to a request of this method.
  static std::string ask(const SocketAddress& address, const std::string& path,
                         const std::string& method = "GET") {
    const UniqueFd client = test::connect_to(address);
    test::send_all(client.get(),
                   method + ' ' + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return test::receive_to_end(client.get());
  }

  asio::io_context loop{1};

 private:
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      asio::make_work_guard(loop)};
  std::thread thread_;
};

}  // namespace wherry::health
