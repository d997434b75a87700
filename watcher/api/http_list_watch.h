#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/async/wakeup.h"
#include "base/clock.h"
#include "watcher/api/access.h"
#include "watcher/api/credentials.h"
#include "watcher/api/http_connection.h"
#include "watcher/api/list_watch.h"
#include "watcher/api/rest_metrics.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace wherry::api {

/// ListWatch over HTTP/1.1: one connection, kept for as long as the server keeps it. What the
/// server sends is decoded as it comes, and bounded (A20): a list is never held as one value.
///
/// Control thread only.
class HttpListWatch final : public ListWatch {
 public:
  /// What all resources of one server share; outlives this.
  struct Server {
    const ClusterAccess& access;
    Credentials& credentials;
    RestMetrics& metrics;
    Timers& timers;
    const Clock& clock;
    std::string user_agent;  ///< A32
  };

  HttpListWatch(asio::io_context& loop, Server server, std::unique_ptr<Dialer> dialer,
                Resource resource);
  ~HttpListWatch() override;

  [[nodiscard]] asio::awaitable<ApiResult<ListPage>> list(ListOptions options,
                                                          TakeItem take) override;
  [[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<WatchStream>>> watch(
      WatchOptions options) override;
  void stop() override;

 private:
  class Stream;

  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> request(std::string target,
                                                                   std::string verb);
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> request_once(std::string target);
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> send(std::string target);
  [[nodiscard]] asio::awaitable<ApiFailure> read_refusal();
  [[nodiscard]] bool is_json() const;
  [[nodiscard]] bool drop_optional_fields(const ApiFailure& failure);
  void on_certificate_change();
  void close_connection() noexcept;

  const Server server_;
  const std::unique_ptr<Dialer> dialer_;
  Resource resource_;
  std::unique_ptr<HttpConnection> connection_;
  Secret sent_;    ///< the credentials of the last request
  HttpHead head_;  ///< of the last answer
  Wakeup wakeup_;
  Credentials::Subscription subscription_;
  bool watching_ = false;  ///< a stream reads from the connection
  bool renewing_ = false;  ///< the connection is closed because the certificate has changed
  bool stopping_ = false;
};

}  // namespace wherry::api
