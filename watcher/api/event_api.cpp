#include "watcher/api/event_api.h"

#include "watcher/api/request.h"

#include <chrono>
#include <cstddef>
#include <utility>

namespace wherry::api {
namespace {

constexpr Duration kSilence = std::chrono::seconds(60);
/// An answer repeats the Event, which is a few KiB.
constexpr std::size_t kLargestAnswer = 256u << 10;

}  // namespace

HttpEventApi::HttpEventApi(HttpClient::Server server, std::unique_ptr<Dialer> dialer)
    : client_(std::move(server), std::move(dialer)) {}

asio::awaitable<std::optional<ApiFailure>> HttpEventApi::create(std::string name_space,
                                                                std::string event) {
  HttpClient::Request request;
  request.method = "POST";
  request.target = events_target(client_.server().access.server.path, name_space);
  request.content_type = "application/json";
  request.body = std::move(event);
  co_return co_await write(std::move(request));
}

asio::awaitable<std::optional<ApiFailure>> HttpEventApi::patch(std::string name_space,
                                                               std::string name,
                                                               std::string changes) {
  HttpClient::Request request;
  request.method = "PATCH";
  request.target = event_target(client_.server().access.server.path, name_space, name);
  request.content_type = "application/merge-patch+json";
  request.body = std::move(changes);
  co_return co_await write(std::move(request));
}

/// A25: with credentials that are read anew where the server has refused those it was given.
asio::awaitable<std::optional<ApiFailure>> HttpEventApi::write(HttpClient::Request request) {
  auto failure = co_await write_once(request);
  if (!failure || failure->code != ApiErrc::Unauthorized || client_.stopping()) co_return failure;
  if (client_.invalidate_credentials()) {
    client_.count_retry(*failure);
    failure = co_await write_once(std::move(request));
  }
  co_return failure;
}

asio::awaitable<std::optional<ApiFailure>> HttpEventApi::write_once(HttpClient::Request request) {
  if (auto failure = co_await client_.send(std::move(request))) co_return failure;
  const int status = client_.head().status;
  if (status / 100 != 2 || !client_.is_json()) co_return co_await client_.read_refusal();
  // What the answer repeats is read for the next request's sake.
  for (std::size_t size = 0; size <= kLargestAnswer;) {
    const auto more = co_await client_.read_body(
        kSilence, [&size](std::string_view bytes) { size += bytes.size(); });
    if (!more || !*more) co_return std::nullopt;
  }
  client_.close();
  co_return std::nullopt;
}

}  // namespace wherry::api
