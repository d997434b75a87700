#include "watcher/api/tcp_transport.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace wherry::api {
namespace {

using asio::ip::tcp;

/// RFC 1122 keepalive and RFC 5482's timeout: what is sent and never answered ends the connection
/// within half a minute, instead of after the kernel's quarter of an hour (A17).
void notice_dead_peers(tcp::socket& socket) {
  using Integer = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  error_code ignored;  // a kernel without these has the watchdog above it
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(Integer(30), ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>(10), ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>(3), ignored);
  socket.set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>(30'000),
                    ignored);
}

class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(tcp::socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<Result<std::size_t>> read_some(std::span<char> into) override {
    error_code error;
    const std::size_t size = co_await socket_.async_read_some(
        asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    co_return size;
  }

  asio::awaitable<error_code> write(std::string_view bytes) override {
    error_code error;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  tcp::socket socket_;
};

}  // namespace

struct TcpConnector::State {
  State(asio::io_context& io, Timers& time) : loop(io), timers(time), resolver(io) {}

  asio::io_context& loop;
  Timers& timers;
  tcp::resolver resolver;
  std::optional<tcp::socket> socket;  ///< while it connects
  Timer deadline;
  bool timed_out = false;
  bool stopping = false;

  void cancel() {
    error_code ignored;
    resolver.cancel();
    if (socket) socket->close(ignored);
  }
  void expect_within(Duration duration) {
    timed_out = false;
    deadline = timers.schedule(duration, [this] {
      timed_out = true;
      cancel();
    });
  }

  asio::awaitable<ApiResult<std::vector<tcp::endpoint>>> resolve(std::string host,
                                                                 std::uint16_t port) {
    std::vector<tcp::endpoint> endpoints;
    error_code error;
    // An address needs no resolver, whose thread may hang in a name server.
    if (const auto address = asio::ip::make_address(host, error); !error) {
      endpoints.emplace_back(address, port);
      co_return endpoints;
    }
    const auto found =
        co_await resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                        asio::redirect_error(asio::use_awaitable, error));
    if (stopping) co_return stopped();
    if (timed_out) {
      co_return ApiFailure{ApiErrc::Timeout,
                           "no name server says in time what the address of " + host + " is"};
    }
    if (error) co_return failure_of_system(error, "resolving " + host);
    for (const auto& each : found) endpoints.push_back(each.endpoint());
    co_return endpoints;
  }
};

TcpConnector::TcpConnector(asio::io_context& loop, Timers& timers)
    : state_(std::make_unique<State>(loop, timers)) {}

TcpConnector::~TcpConnector() = default;

asio::awaitable<ApiResult<std::unique_ptr<Transport>>> TcpConnector::connect(std::string host,
                                                                             std::uint16_t port,
                                                                             Duration timeout) {
  State& state = *state_;
  if (state.stopping) co_return stopped();
  state.expect_within(timeout);
  auto endpoints = co_await state.resolve(host, port);
  if (!endpoints) {
    state.deadline.cancel();
    co_return endpoints.error();
  }
  ApiFailure last{ApiErrc::Unreachable, "the name " + host + " has no address"};
  for (const tcp::endpoint& endpoint : *endpoints) {
    // Each has its share, so that one that is filtered does not hide the others.
    state.expect_within(timeout / static_cast<Duration::rep>(endpoints->size()));
    state.socket.emplace(state.loop);
    error_code error;
    co_await state.socket->async_connect(endpoint,
                                         asio::redirect_error(asio::use_awaitable, error));
    tcp::socket socket = std::move(*state.socket);
    state.socket.reset();
    state.deadline.cancel();
    if (state.stopping) co_return stopped();
    const std::string where =
        endpoint.address().is_v6()
            ? '[' + endpoint.address().to_string() + "]:" + std::to_string(port)
            : endpoint.address().to_string() + ':' + std::to_string(port);
    if (!error) {
      notice_dead_peers(socket);
      co_return std::make_unique<TcpTransport>(std::move(socket));
    }
    if (state.timed_out) {
      last = {ApiErrc::Timeout,
              "nobody answers at " + where +
                  ": a firewall drops what is sent there, or the address is another machine's"};
    } else {
      last = failure_of_system(error, "connecting to " + where);
      if (last.code == ApiErrc::Refused) {
        last.text += ": the API server is not running, or it listens on another port";
      }
    }
  }
  co_return last;
}

void TcpConnector::stop() {
  state_->stopping = true;
  state_->cancel();
}

}  // namespace wherry::api
