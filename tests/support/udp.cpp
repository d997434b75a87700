#include "tests/support/udp.h"

#include "base/raw_socket_address.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace wherry::test {
namespace {

constexpr std::size_t kLargest = 65536;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

UdpSocket::UdpSocket(const SocketAddress& address)
    : fd_(::socket(address_family(address.ip.family()), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const RawSocketAddress raw(address);
  if (::bind(fd_.get(), raw.get(), raw.size) != 0) fail("bind " + address.to_string());
  RawSocketAddress bound;
  ::getsockname(fd_.get(), bound.get(), &bound.size);
  address_ = bound.to_socket_address();
}

UniqueFd UdpSocket::release_non_blocking() {
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  return std::move(fd_);
}

void UdpSocket::connect(const SocketAddress& peer) {
  const RawSocketAddress raw(peer);
  if (::connect(fd_.get(), raw.get(), raw.size) != 0) fail("connect " + peer.to_string());
}

int UdpSocket::send(std::string_view bytes) const {
  return ::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0 ? errno : 0;
}

void UdpSocket::send_to(const SocketAddress& to, std::string_view bytes) const {
  const RawSocketAddress raw(to);
  if (::sendto(fd_.get(), bytes.data(), bytes.size(), 0, raw.get(), raw.size) < 0) {
    fail("sendto " + to.to_string());
  }
}

std::optional<UdpSocket::Received> UdpSocket::receive(std::chrono::milliseconds patience) {
  error_ = 0;
  pollfd poll{fd_.get(), POLLIN, 0};
  if (::poll(&poll, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
  Received received;
  received.bytes.resize(kLargest);
  RawSocketAddress from;
  const ssize_t size = ::recvfrom(fd_.get(), received.bytes.data(), received.bytes.size(), 0,
                                  from.get(), &from.size);
  if (size < 0) {
    error_ = errno;
    return std::nullopt;
  }
  received.bytes.resize(static_cast<std::size_t>(size));
  received.from = from.to_socket_address();
  return received;
}

UdpPod::UdpPod(std::string name, const SocketAddress& address)
    : name_(std::move(name)), socket_(address), thread_([this] { run(); }) {}

UdpPod::~UdpPod() {
  stop_ = true;
  thread_.join();
}

void UdpPod::run() {
  while (!stop_) {
    const auto got = socket_.receive(std::chrono::milliseconds(20));
    if (!got) continue;
    ++served_;
    const std::string answer = name_ + ':' + got->bytes;
    const RawSocketAddress to(got->from);
    ::sendto(socket_.fd(), answer.data(), answer.size(), 0, to.get(), to.size);
  }
}

std::string ask_udp(const SocketAddress& address, std::string_view question,
                    std::chrono::milliseconds patience) {
  UdpSocket client({IpAddress::any(address.ip.family()), 0});
  client.connect(address);
  if (client.send(question) == ECONNREFUSED) return "refused";
  const auto answer = client.receive(patience);
  if (answer) return answer->bytes;
  return client.error() == ECONNREFUSED ? "refused" : "silence";
}

}  // namespace wherry::test
