#pragma once

#include "watcher/api/api_failure.h"
#include "watcher/api/http_client.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace wherry::api {

/// Writes Events (events.k8s.io/v1) to one API server, which whoever records them is tested
/// without. One call at a time; stop() ends it and every one after it with Stopped.
///
/// Control thread only.
class EventApi {
 public:
  virtual ~EventApi() = default;

  /// `event` is JSON. Nothing, or why it was not taken.
  [[nodiscard]] virtual asio::awaitable<std::optional<ApiFailure>> create(std::string name_space,
                                                                          std::string event) = 0;
  /// `changes` is a JSON merge patch (RFC 7386).
  [[nodiscard]] virtual asio::awaitable<std::optional<ApiFailure>> patch(std::string name_space,
                                                                         std::string name,
                                                                         std::string changes) = 0;
  virtual void stop() = 0;
};

/// The real one, over a connection of its own, which is made when the first Event is written.
class HttpEventApi final : public EventApi {
 public:
  HttpEventApi(HttpClient::Server server, std::unique_ptr<Dialer> dialer);

  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> create(std::string name_space,
                                                                  std::string event) override;
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> patch(std::string name_space,
                                                                 std::string name,
                                                                 std::string changes) override;
  void stop() override { client_.stop(); }

 private:
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> write(HttpClient::Request request);
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> write_once(HttpClient::Request request);

  HttpClient client_;
};

}  // namespace wherry::api
