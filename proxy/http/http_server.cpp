#include "proxy/http/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

namespace wherry::http {
namespace {

namespace beast = boost::beast;
using asio::as_tuple;
using asio::ip::tcp;

using WireRequest = beast::http::request<beast::http::string_body>;
using WireResponse = beast::http::response<beast::http::string_body>;
using beast::http::error;

std::chrono::steady_clock::duration steady(Duration duration) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(duration);
}

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

/// Path and query, also of the absolute form, which a server must take (RFC 9112, 3.2.2).
Request read_request(const WireRequest& wire) {
  Request request;
  request.method = std::string(view_of(wire.method_string()));
  request.accept = std::string(view_of(wire[beast::http::field::accept]));
  std::string_view target = view_of(wire.target());
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  request.body = wire.body();
  return request;
}

WireResponse to_wire(Response response) {
  WireResponse wire(beast::http::int_to_status(static_cast<unsigned>(response.status)), 11);
  wire.set(beast::http::field::content_type, response.content_type);
  wire.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) wire.set(name, value);
  wire.body() = std::move(response.body);
  return wire;
}

Response text_response(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

/// The answer to a request that did not come to be one.
Response refusal(const error_code& reason) {
  if (reason == error::header_limit || reason == error::buffer_overflow) {
    return text_response(431, "the request is too large\n");
  }
  if (reason == error::unexpected_body) {
    return text_response(413, "requests have no body here\n");
  }
  if (reason == error::body_limit) return text_response(413, "the body is too large\n");
  return text_response(400, "this is no HTTP request: " + reason.message() + '\n');
}

bool is_malformed(const error_code& reason) {
  return reason.category() == make_error_code(error::bad_method).category() &&
         reason != error::end_of_stream;
}

asio::awaitable<Response> finished(Response response) { co_return response; }

}  // namespace

Handler at_once(std::function<Response(const Request&)> answer) {
  return [answer = std::move(answer)](Request request) { return finished(answer(request)); };
}

class Server::Listener {
 public:
  Listener(asio::io_context& loop, Handler handler)
      : acceptor_(loop), pause_(loop), handler_(std::move(handler)) {}

  error_code open(const SocketAddress& address, Reach reach) {
    if (reach == Reach::BothFamilies && address.ip.is_unspecified()) {
      const SocketAddress both{IpAddress::any(IpFamily::IPv6), address.port};
      const error_code failed = open_socket(both, reach);
      // A kernel without IPv6 has the other family only.
      if (!failed || address.ip.family() == IpFamily::IPv6 || !is_unsupported(failed)) {
        return failed;
      }
      reach = Reach::OwnFamily;
    }
    return open_socket(address, reach);
  }

  [[nodiscard]] SocketAddress address() const {
    error_code failed;
    const tcp::endpoint endpoint = acceptor_.local_endpoint(failed);
    return {IpAddress::parse(endpoint.address().to_string()).value_or(IpAddress()),
            endpoint.port()};
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }
  [[nodiscard]] bool is_open() const { return acceptor_.is_open(); }
  [[nodiscard]] tcp::acceptor& acceptor() { return acceptor_; }
  [[nodiscard]] asio::steady_timer& pause() { return pause_; }
  [[nodiscard]] const Handler& handler() const { return handler_; }

 private:
  static bool is_unsupported(const error_code& failed) {
    return failed == boost::system::errc::address_family_not_supported ||
           failed == boost::system::errc::address_not_available;
  }

  error_code open_socket(const SocketAddress& address, Reach reach) {
    const tcp::endpoint endpoint(asio::ip::make_address(address.ip.to_string()), address.port);
    error_code failed;
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed && endpoint.protocol() == tcp::v6()) {
      acceptor_.set_option(asio::ip::v6_only(reach == Reach::OwnFamily), failed);
    }
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(tcp::acceptor::max_listen_connections, failed);
    if (failed) {
      error_code ignored;
      acceptor_.close(ignored);
    }
    return failed;
  }

  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const Handler handler_;
};

/// One connection. Lives in its coroutine; the server keeps a pointer to cut it when its port is
/// closed, or to make room for another one.
class Server::Client {
 public:
  Client(tcp::socket socket, const ServerLimits& limits)
      : stream_(std::move(socket)), limits_(limits) {}

  void cut() { stream_.close(); }
  /// No request of it is being answered.
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_; }
  [[nodiscard]] bool came_through(const Listener& listener) const { return listener_ == &listener; }
  void set_listener(const Listener& listener) { listener_ = &listener; }

  asio::awaitable<void> run() {
    for (;;) {
      Parser parser;
      parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
      stream_.expires_after(steady(limits_.idle));
      waiting_ = true;
      // The head alone: a client may wait to be told to send its body (Expect: 100-continue).
      auto [read_error, size] = co_await beast::http::async_read_header(
          stream_, buffer_, parser, as_tuple(asio::use_awaitable));
      waiting_ = false;
      if (!read_error && has_body(parser)) {
        read_error = may_have_body(parser);
        if (!read_error) {
          parser.body_limit(limits_.body_bytes);
          std::tie(read_error, size) = co_await beast::http::async_read(
              stream_, buffer_, parser, as_tuple(asio::use_awaitable));
        }
      }
      if (read_error) {
        if (is_malformed(read_error)) co_await answer(refusal(read_error), false, false);
        co_return;
      }
      const WireRequest wire = parser.release();
      Response response = co_await listener_->handler()(read_request(wire));
      const bool head = wire.method() == beast::http::verb::head;
      if (!co_await answer(std::move(response), wire.keep_alive(), head)) co_return;
    }
  }

  /// There is no place for this client.
  asio::awaitable<void> turn_away() {
    co_await answer(text_response(503, "too many clients\n"), false, false);
  }

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;

  /// Once the head was read.
  static bool has_body(const Parser& parser) {
    return parser.chunked() || parser.content_length().value_or(0) > 0;
  }
  [[nodiscard]] error_code may_have_body(const Parser& parser) const {
    if (limits_.body_bytes == 0 || parser.get().method() != beast::http::verb::put) {
      return error::unexpected_body;
    }
    const bool is_long = parser.content_length().value_or(0) > limits_.body_bytes;
    return is_long ? error_code(error::body_limit) : error_code();
  }

  asio::awaitable<bool> answer(Response plain, bool keep_alive, bool head) {
    WireResponse response = to_wire(std::move(plain));
    response.keep_alive(keep_alive);
    response.prepare_payload();
    if (head) response.body().clear();
    stream_.expires_after(steady(limits_.write));
    beast::http::response_serializer<beast::http::string_body> serializer(response);
    serializer.split(head);
    error_code failed;
    if (head) {
      std::tie(failed, std::ignore) = co_await beast::http::async_write_header(
          stream_, serializer, as_tuple(asio::use_awaitable));
    } else {
      std::tie(failed, std::ignore) =
          co_await beast::http::async_write(stream_, serializer, as_tuple(asio::use_awaitable));
    }
    if (failed || !keep_alive) {
      stream_.socket().shutdown(tcp::socket::shutdown_send, failed);
      co_return false;
    }
    co_return true;
  }

  beast::tcp_stream stream_;
  const ServerLimits& limits_;
  const Listener* listener_ = nullptr;  ///< the coroutine that owns this client keeps it alive
  beast::flat_buffer buffer_{16384};
  bool waiting_ = true;
};

Server::Server(asio::io_context& loop, ServerLimits limits)
    : loop_(loop), limits_(limits), tasks_(loop) {}

Server::~Server() = default;

Result<SocketAddress> Server::open(const SocketAddress& address, Reach reach, Handler handler) {
  auto listener = std::make_shared<Listener>(loop_, std::move(handler));
  if (const error_code failed = listener->open(address, reach)) return failed;
  listeners_.push_back(listener);
  tasks_.spawn("http accept", accept(listener));
  return listener->address();
}

void Server::close(const SocketAddress& opened) {
  const auto found =
      std::find_if(listeners_.begin(), listeners_.end(),
                   [&opened](const auto& listener) { return listener->address() == opened; });
  if (found == listeners_.end()) return;
  const std::shared_ptr<Listener> listener = *found;
  listeners_.erase(found);
  shut(*listener);
}

void Server::stop() {
  for (const auto& listener : listeners_) shut(*listener);
  listeners_.clear();
}

void Server::shut(Listener& listener) {
  listener.close();
  for (Client* client : clients_) {
    if (client->came_through(listener)) client->cut();
  }
}

asio::awaitable<void> Server::accept(std::shared_ptr<Listener> listener) {
  while (listener->is_open()) {
    auto [failed, socket] =
        co_await listener->acceptor().async_accept(as_tuple(asio::use_awaitable));
    if (failed == asio::error::operation_aborted) co_return;
    if (failed) {
      // No descriptors, mostly. The next client waits in the kernel's queue meanwhile.
      listener->pause().expires_after(std::chrono::milliseconds(100));
      co_await listener->pause().async_wait(as_tuple(asio::use_awaitable));
      continue;
    }
    // It came while the port was being closed.
    if (!listener->is_open()) co_return;
    tasks_.spawn("http client",
                 serve(listener, std::make_unique<Client>(std::move(socket), limits_)));
  }
}

asio::awaitable<void> Server::serve(std::shared_ptr<Listener> listener,
                                    std::unique_ptr<Client> client) {
  if (!listener->is_open()) co_return;
  client->set_listener(*listener);
  if (clients_.size() >= limits_.clients && !make_room()) {
    co_await client->turn_away();
    co_return;
  }
  clients_.push_back(client.get());
  co_await client->run();
  std::erase(clients_, client.get());
}

/// Cuts whoever has been connected the longest without a request under way: clients that send
/// nothing must not keep a liveness probe out.
bool Server::make_room() {
  const auto oldest = std::find_if(clients_.begin(), clients_.end(),
                                   [](const Client* client) { return client->is_waiting(); });
  if (oldest == clients_.end()) return false;
  (*oldest)->cut();
  clients_.erase(oldest);
  return true;
}

}  // namespace wherry::http
