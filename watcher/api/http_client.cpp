#include "watcher/api/http_client.h"

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

/// An API server itself gives up a request after 60 s.
constexpr Duration kAnswerTimeout = 75s;
constexpr Duration kRefusalSilence = 60s;
constexpr std::size_t kLargestRefusal = 64u << 10;

}  // namespace

HttpClient::HttpClient(Server server, std::unique_ptr<Dialer> dialer)
    : server_(std::move(server)),
      dialer_(std::move(dialer)),
      subscription_(server_.credentials.on_certificate_change([this] { renewing_ = true; })) {}

HttpClient::~HttpClient() = default;

asio::awaitable<std::optional<ApiFailure>> HttpClient::send(Request request) {
  for (;;) {
    if (stopping_) co_return stopped();
    if (std::exchange(renewing_, false)) connection_.reset();
    const bool is_reused = connection_ && connection_->reusable();
    if (!is_reused) {
      connection_.reset();
      auto transport = co_await dialer_->connect();
      if (stopping_) co_return stopped();
      if (!transport) {
        server_.metrics.count_answer(0, request.method);
        co_return transport.error();
      }
      connection_ = std::make_unique<HttpConnection>(std::move(*transport), server_.timers,
                                                     server_.access.server.to_string());
    }
    auto headers = co_await server_.credentials.headers();
    if (stopping_) co_return stopped();
    if (!headers) co_return headers.error();
    sent_ = *headers;

    HttpRequest text{.method = request.method,
                     .target = request.target,
                     .host = server_.access.server.authority(),
                     .user_agent = server_.user_agent,
                     .gzip = server_.access.compression,
                     .headers = std::move(*headers),
                     .content_type = request.content_type,
                     .body = request.body};
    const TimePoint began = server_.clock.now();
    auto head = co_await connection_->send(std::move(text), kAnswerTimeout);
    if (stopping_) co_return stopped();
    if (head) {
      server_.metrics.count_answer(head->status, request.method);
      server_.metrics.observe(server_.clock.now() - began, request.method);
      head_ = std::move(*head);
      co_return std::nullopt;
    }
    // The server may close a connection just when it is used again: that request was never read.
    const bool was_stale =
        is_reused && head.error().code == ApiErrc::Reset && !connection_->has_answered();
    connection_.reset();
    if (was_stale) continue;
    server_.metrics.count_answer(0, request.method);
    co_return head.error();
  }
}

bool HttpClient::is_json() const {
  const std::string_view type = head_.content_type;
  return type.substr(0, type.find(';')) == "application/json";
}

asio::awaitable<ApiResult<bool>> HttpClient::read_body(Duration silence,
                                                       std::function<void(std::string_view)> take) {
  co_return co_await connection_->read_body(silence, std::move(take));
}

asio::awaitable<ApiFailure> HttpClient::read_refusal() {
  std::string body;
  for (;;) {
    const auto more = co_await connection_->read_body(
        kRefusalSilence, [&body](std::string_view bytes) { body += bytes; });
    if (!more || !*more || body.size() >= kLargestRefusal) break;
  }
  if (!connection_->reusable()) connection_.reset();
  if (stopping_) co_return stopped();
  if (head_.status / 100 == 3) {
    co_return ApiFailure{ApiErrc::UnexpectedAnswer,
                         "the server redirects to " + head_.location.substr(0, 200) +
                             "; if that is the API server, give its address",
                         {},
                         head_.status};
  }
  if (head_.status / 100 == 2) {
    co_return ApiFailure{
        ApiErrc::UnexpectedAnswer,
        "the server answers with " +
            (head_.content_type.empty() ? "no Content-Type" : head_.content_type.substr(0, 100)) +
            " instead of JSON: it may not be an API server",
        {},
        head_.status};
  }
  co_return failure_of_answer(head_.status, body, head_.retry_after);
}

bool HttpClient::invalidate_credentials() { return server_.credentials.invalidate(sent_); }

void HttpClient::count_retry(const ApiFailure& failure) {
  server_.metrics.count_retry(failure.status);
}

void HttpClient::close() noexcept {
  if (connection_) connection_->close();
}

void HttpClient::stop() {
  stopping_ = true;
  dialer_->stop();
  close();
}

}  // namespace wherry::api
