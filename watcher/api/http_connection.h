#pragma once

#include "base/async/timers.h"
#include "base/secret.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// What the beginning of an HTTP answer says.
struct HttpHead {
  int status = 0;
  std::string content_type;
  std::string location;  ///< of a redirect
  std::optional<Duration> retry_after;
};

/// What is asked for.
struct HttpRequest {
  std::string method = "GET";
  std::string target;
  std::string host;
  std::string user_agent;
  bool gzip = true;
  Secret headers;              ///< lines that end in CR LF
  std::string content_type{};  ///< of the body; empty: there is no body
  std::string body{};
};

/// HTTP/1.1 over one Transport, one request after another: bytes in, bytes out, bounded whatever
/// the server sends. Control thread only, one call at a time.
class HttpConnection {
 public:
  HttpConnection(std::unique_ptr<Transport> transport, Timers& timers, std::string peer);
  ~HttpConnection();

  /// Sends the request and waits for the head of the answer. Precondition: reusable().
  [[nodiscard]] asio::awaitable<ApiResult<HttpHead>> send(HttpRequest request, Duration timeout);
  /// Reads more of the body, unpacked, into `take`; false at its end. A failure is Silent if
  /// nothing comes for so long, Reset if the body ends before it is over.
  [[nodiscard]] asio::awaitable<ApiResult<bool>> read_body(
      Duration silence, std::function<void(std::string_view)> take);

  /// Whether another request may follow: the last answer has been read to its end, and the server
  /// keeps the connection.
  [[nodiscard]] bool reusable() const noexcept;
  /// Whether a byte of the last answer had come when it failed.
  [[nodiscard]] bool has_answered() const noexcept;
  /// Ends what is under way, and everything after it.
  void close() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wherry::api
