#include "tests/support/test_pod.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <sys/socket.h>
#include <utility>

namespace wherry::test {

TestPod::TestPod(std::string name, const SocketAddress& address)
    : name_(std::move(name)),
      listener_(address),
      address_(listener_.address()),
      thread_([this] { run(); }) {}

TestPod::~TestPod() {
  stop_ = true;
  thread_.join();
}

void TestPod::run() {
  while (!stop_) {
    if (!listener_.has_client(std::chrono::milliseconds(20))) continue;
    const UniqueFd client = listener_.accept();
    ++served_;
    ::send(client.get(), name_.data(), name_.size(), MSG_NOSIGNAL);
    ::shutdown(client.get(), SHUT_WR);
    // The other side's end is waited for: closing with something unread would send a RST.
    std::array<char, 4096> rest{};
    timeval patience{2, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (::recv(client.get(), rest.data(), rest.size(), 0) > 0) {
    }
  }
}

std::string ask(const SocketAddress& address) {
  try {
    return receive_to_end(connect_to(address).get());
  } catch (const std::exception&) {
    switch (errno) {
      case ECONNREFUSED:
        return "refused";
      case ECONNRESET:
        return "reset";
      default:
        throw;
    }
  }
}

}  // namespace wherry::test
