#include "proxy/admin/admin_server.h"

#include "base/log.h"
#include "proxy/admin/pages.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace wherry::admin {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::as_tuple;
using asio::ip::tcp;

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

asio::ip::address to_asio(const IpAddress& address) {
  return asio::ip::make_address(address.to_string());
}

Response make_response(http::status status, std::string_view type, std::string body) {
  Response response(status, 11);
  response.set(http::field::content_type, type);
  response.set("X-Content-Type-Options", "nosniff");
  response.set(http::field::cache_control, "no-store");
  response.body() = std::move(body);
  return response;
}

Response text_response(http::status status, std::string body) {
  return make_response(status, "text/plain; charset=utf-8", std::move(body));
}

Response json_response(const boost::json::array& rows) {
  return make_response(http::status::ok, "application/json", boost::json::serialize(rows) + '\n');
}

/// The path and whether the query holds "verbose".
struct Target {
  std::string path;
  bool verbose = false;
};

/// Also of the absolute form, "http://host/path", which a server must take (RFC 9112, 3.2.2).
Target parse_target(std::string_view target) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t question = target.find('?');
  Target parsed{std::string(target.substr(0, question)), false};
  while (parsed.path.size() > 1 && parsed.path.ends_with('/')) parsed.path.pop_back();
  if (question == std::string_view::npos) return parsed;
  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair == "verbose" || pair.starts_with("verbose=")) parsed.verbose = true;
  }
  return parsed;
}

/// The answer to a request that did not come to be one.
Response refusal(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return text_response(http::status::request_header_fields_too_large,
                         "the request is too large\n");
  }
  if (error == http::error::unexpected_body || error == http::error::body_limit) {
    return text_response(http::status::payload_too_large, "requests have no body here\n");
  }
  return text_response(http::status::bad_request,
                       "this is no HTTP request: " + error.message() + '\n');
}

bool is_malformed(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream;
}

constexpr std::string_view kPaths =
    "/livez\n/readyz\n/readyz?verbose\n/healthz\n/metrics\n/table\n/endpoints\n/sessions\n";

}  // namespace

/// One connection. Lives in its coroutine; the listener keeps a pointer to cut it at stop, or to
/// make room for another one.
class AdminServer::Client {
 public:
  Client(tcp::socket socket, AdminServer& server) : stream_(std::move(socket)), server_(server) {}

  void cut() { stream_.close(); }
  /// No request of it is being answered.
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_; }

  asio::awaitable<void> serve() {
    for (;;) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(server_.limits_.header_bytes));
      stream_.expires_after(
          std::chrono::duration_cast<std::chrono::steady_clock::duration>(server_.limits_.idle));
      waiting_ = true;
      // The head alone: a client may wait to be told to send its body (Expect: 100-continue).
      auto [read_error, size] =
          co_await http::async_read_header(stream_, buffer_, parser, as_tuple(asio::use_awaitable));
      waiting_ = false;
      if (!read_error && (parser.chunked() || parser.content_length().value_or(0) > 0)) {
        read_error = http::error::unexpected_body;
      }
      if (read_error) {
        if (is_malformed(read_error)) co_await answer(refusal(read_error), false, false);
        co_return;
      }
      const Request request = parser.release();
      Response response = co_await respond(request);
      const bool head = request.method() == http::verb::head;
      if (!co_await answer(std::move(response), request.keep_alive(), head)) co_return;
    }
  }

  /// There is no place for this client.
  asio::awaitable<void> turn_away() {
    co_await answer(text_response(http::status::service_unavailable, "too many clients\n"), false,
                    false);
  }

 private:
  asio::awaitable<bool> answer(Response response, bool keep_alive, bool head) {
    response.keep_alive(keep_alive);
    response.prepare_payload();
    if (head) response.body().clear();
    stream_.expires_after(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(server_.limits_.write));
    http::response_serializer<http::string_body> serializer(response);
    serializer.split(head);
    error_code error;
    if (head) {
      std::tie(error, std::ignore) =
          co_await http::async_write_header(stream_, serializer, as_tuple(asio::use_awaitable));
    } else {
      std::tie(error, std::ignore) =
          co_await http::async_write(stream_, serializer, as_tuple(asio::use_awaitable));
    }
    if (error || !keep_alive) {
      stream_.socket().shutdown(tcp::socket::shutdown_send, error);
      co_return false;
    }
    co_return true;
  }

  // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): its one caller awaits it on the spot
  asio::awaitable<Response> respond(const Request& request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      Response response = text_response(http::status::method_not_allowed, "only GET and HEAD\n");
      response.set(http::field::allow, "GET, HEAD");
      co_return response;
    }
    const auto raw = request.target();
    const Target target = parse_target({raw.data(), raw.size()});
    AdminView& view = server_.view_;
    if (target.path == "/livez" || target.path == "/healthz") {
      co_return text_response(http::status::ok, "ok");
    }
    if (target.path == "/readyz") {
      const Readiness readiness = view.readiness();
      co_return text_response(
          readiness.ready() ? http::status::ok : http::status::service_unavailable,
          readiness_text(readiness, target.verbose));
    }
    if (target.path == "/metrics") {
      co_return make_response(http::status::ok, "text/plain; version=0.0.4; charset=utf-8",
                              metrics_text(view.metrics()));
    }
    if (target.path == "/table") {
      co_return json_response(services_json(
          *view.table(), [&view](balancer::ServicePortId id) { return view.listening(id); }));
    }
    if (target.path == "/endpoints") co_return json_response(endpoints_json(*view.table()));
    if (target.path == "/sessions") co_return json_response(sessions_json(co_await sessions()));
    co_return text_response(http::status::not_found,
                            "nothing here; there are\n" + std::string(kPaths));
  }

  asio::awaitable<std::vector<SessionRow>> sessions() {
    // The workers answer later, on this thread: an operation like any other.
    auto gather = [&view = server_.view_](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      view.gather_sessions(
          [shared](std::vector<SessionRow> rows) { std::move (*shared)(std::move(rows)); });
    };
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable),
                                            void(std::vector<SessionRow>)>(gather,
                                                                           asio::use_awaitable);
  }

  beast::tcp_stream stream_;
  AdminServer& server_;
  beast::flat_buffer buffer_{16384};
  bool waiting_ = true;
};

class AdminServer::Listener {
 public:
  explicit Listener(AdminServer& server) : server_(server), acceptor_(server.loop_) {}

  error_code open(const SocketAddress& address) {
    const tcp::endpoint endpoint(to_asio(address.ip), address.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    return error;
  }

  SocketAddress address() const {
    error_code error;
    const tcp::endpoint endpoint = acceptor_.local_endpoint(error);
    return {IpAddress::parse(endpoint.address().to_string()).value_or(IpAddress()),
            endpoint.port()};
  }

  asio::awaitable<void> accept() {
    while (acceptor_.is_open()) {
      auto [error, socket] = co_await acceptor_.async_accept(as_tuple(asio::use_awaitable));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // No descriptors, mostly. The next client waits in the kernel's queue meanwhile.
        co_await pause();
        continue;
      }
      server_.tasks_.spawn("admin client", serve(std::move(socket)));
    }
  }

  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (Client* client : clients_) client->cut();
  }

 private:
  asio::awaitable<void> pause() {
    pause_.expires_after(std::chrono::milliseconds(100));
    co_await pause_.async_wait(as_tuple(asio::use_awaitable));
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    Client client(std::move(socket), server_);
    if (clients_.size() >= server_.limits_.clients && !make_room()) {
      co_await client.turn_away();
      co_return;
    }
    clients_.push_back(&client);
    co_await client.serve();
    std::erase(clients_, &client);
  }

  /// Cuts whoever has been connected the longest without a request under way: clients that send
  /// nothing must not keep a liveness probe out.
  bool make_room() {
    const auto oldest = std::find_if(clients_.begin(), clients_.end(),
                                     [](const Client* client) { return client->is_waiting(); });
    if (oldest == clients_.end()) return false;
    (*oldest)->cut();
    clients_.erase(oldest);
    return true;
  }

  AdminServer& server_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{server_.loop_};
  std::vector<Client*> clients_;  ///< in the order in which they came
};

AdminServer::AdminServer(asio::io_context& loop, AdminView& view, AdminLimits limits)
    : loop_(loop),
      view_(view),
      limits_(limits),
      tasks_(loop),
      listener_(std::make_unique<Listener>(*this)) {}

AdminServer::~AdminServer() = default;

error_code AdminServer::listen(const SocketAddress& address) { return listener_->open(address); }

SocketAddress AdminServer::address() const { return listener_->address(); }

void AdminServer::start() { tasks_.spawn("admin accept", listener_->accept()); }

void AdminServer::stop() { listener_->stop(); }

}  // namespace wherry::admin
