#pragma once

#include "base/async/asio.h"
#include "base/async/wakeup.h"
#include "watcher/api/credentials.h"
#include "watcher/api/http_client.h"
#include "watcher/api/list_watch.h"
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
  using Server = HttpClient::Server;

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
  [[nodiscard]] bool drop_optional_fields(const ApiFailure& failure);
  void on_certificate_change();

  HttpClient client_;
  Resource resource_;
  Wakeup wakeup_;
  Credentials::Subscription subscription_;
  bool watching_ = false;  ///< a stream reads from the connection
};

}  // namespace wherry::api
