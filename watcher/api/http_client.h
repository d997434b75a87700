#pragma once

#include "base/clock.h"
#include "watcher/api/access.h"
#include "watcher/api/credentials.h"
#include "watcher/api/http_connection.h"
#include "watcher/api/rest_metrics.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// Requests to an API server, one after another, over one connection, which is kept for as long as
/// the server keeps it and made anew when it is needed. Each request carries the credentials of its
/// moment. A client certificate that has changed ends the connection between two requests (A27).
///
/// Control thread only; one call at a time.
class HttpClient {
 public:
  /// What all clients of one server share; outlives them.
  struct Server {
    const ClusterAccess& access;
    Credentials& credentials;
    RestMetrics& metrics;
    Timers& timers;
    const Clock& clock;
    std::string user_agent;  ///< A32
  };

  /// What is asked for.
  struct Request {
    std::string method = "GET";
    std::string target;
    std::string content_type{};  ///< of the body
    std::string body{};
  };

  HttpClient(Server server, std::unique_ptr<Dialer> dialer);
  ~HttpClient();

  /// Sends the request and reads the head of its answer: head() from then on.
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> send(Request request);
  [[nodiscard]] const HttpHead& head() const noexcept { return head_; }
  [[nodiscard]] bool is_json() const;
  /// As HttpConnection's. Precondition: send() has brought a head.
  [[nodiscard]] asio::awaitable<ApiResult<bool>> read_body(
      Duration silence, std::function<void(std::string_view)> take);
  /// The answer is not what was asked for: reads it to its end, and what it means.
  [[nodiscard]] asio::awaitable<ApiFailure> read_refusal();

  /// The server has said 401 to the last request: whether the same one is worth another try (A25).
  [[nodiscard]] bool invalidate_credentials();
  /// The same request goes once more after this failure.
  void count_retry(const ApiFailure& failure);
  /// Whether the connection is to be made anew for another client certificate.
  [[nodiscard]] bool is_renewing() const noexcept { return renewing_; }

  [[nodiscard]] const Server& server() const noexcept { return server_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  /// Ends what is under way; the next request has a new connection.
  void close() noexcept;
  /// The same, and there is no next one.
  void stop();

 private:
  const Server server_;
  const std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<HttpConnection> connection_;
  Secret sent_;    ///< the credentials of the last request
  HttpHead head_;  ///< of the last answer
  Credentials::Subscription subscription_;
  bool renewing_ = false;
  bool stopping_ = false;
};

}  // namespace wherry::api
