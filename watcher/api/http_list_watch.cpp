#include "watcher/api/http_list_watch.h"

#include "base/log.h"
#include "watcher/api/list_reader.h"
#include "watcher/api/retry_policy.h"

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

/// An API server itself gives up a request after 60 s.
constexpr Duration kAnswerTimeout = 75s;
constexpr Duration kListSilence = 60s;
/// A list that drips on for ever is none.
constexpr Duration kListTimeout = 15min;
/// A17: bookmarks come about every minute.
constexpr Duration kWatchSilence = 90s;
constexpr std::size_t kLargestRefusal = 64u << 10;

}  // namespace

/// Reads events from the connection of its owner until it ends.
class HttpListWatch::Stream final : public WatchStream {
 public:
  explicit Stream(HttpListWatch& owner) : owner_(owner) { owner_.watching_ = true; }
  ~Stream() override {
    owner_.watching_ = false;
    if (!ended_ || ended_->code != ApiErrc::Ended) owner_.close_connection();
  }

  asio::awaitable<ApiResult<WatchEvent>> next() override {
    for (;;) {
      if (auto event = reader_.next()) co_return std::move(*event);
      if (!ended_ && reader_.failure()) ended_ = reader_.failure();
      if (ended_) co_return *ended_;
      const auto more = co_await owner_.connection_->read_body(
          kWatchSilence, [this](std::string_view bytes) { reader_.feed(bytes); });
      if (owner_.stopping_) {
        ended_ = stopped();
      } else if (!more) {
        // A27: the next connection has the new certificate.
        ended_ = owner_.renewing_ ? ApiFailure{ApiErrc::Ended} : more.error();
      } else if (!*more) {
        ended_ = reader_.between_events()
                     ? ApiFailure{ApiErrc::Ended, "the server has ended the watch"}
                     : ApiFailure{ApiErrc::Reset, "the watch ends within an event"};
      }
    }
  }

 private:
  HttpListWatch& owner_;
  WatchReader reader_;
  std::optional<ApiFailure> ended_;
};

HttpListWatch::HttpListWatch(asio::io_context& loop, Server server, std::unique_ptr<Dialer> dialer,
                             Resource resource)
    : server_(server),
      dialer_(std::move(dialer)),
      resource_(std::move(resource)),
      wakeup_(loop),
      subscription_(
          server_.credentials.on_certificate_change([this] { on_certificate_change(); })) {}

HttpListWatch::~HttpListWatch() = default;

/// Sends a request and reads the head of its answer, over the connection that there is or a new
/// one.
asio::awaitable<std::optional<ApiFailure>> HttpListWatch::send(std::string target) {
  for (;;) {
    if (stopping_) co_return stopped();
    if (std::exchange(renewing_, false)) connection_.reset();
    const bool is_reused = connection_ && connection_->reusable();
    if (!is_reused) {
      connection_.reset();
      auto transport = co_await dialer_->connect();
      if (stopping_) co_return stopped();
      if (!transport) {
        server_.metrics.count_answer(0);
        co_return transport.error();
      }
      connection_ = std::make_unique<HttpConnection>(std::move(*transport), server_.timers,
                                                     server_.access.server.to_string());
    }
    auto headers = co_await server_.credentials.headers();
    if (stopping_) co_return stopped();
    if (!headers) co_return headers.error();
    sent_ = *headers;

    HttpRequest request{.target = target,
                        .host = server_.access.server.authority(),
                        .user_agent = server_.user_agent,
                        .gzip = server_.access.compression,
                        .headers = std::move(*headers)};
    const TimePoint began = server_.clock.now();
    auto head = co_await connection_->get(std::move(request), kAnswerTimeout);
    if (stopping_) co_return stopped();
    if (head) {
      server_.metrics.count_answer(head->status);
      server_.metrics.observe(server_.clock.now() - began);
      head_ = std::move(*head);
      co_return std::nullopt;
    }
    // The server may close a connection just when it is used again: that request was never read.
    const bool was_stale =
        is_reused && head.error().code == ApiErrc::Reset && !connection_->has_answered();
    connection_.reset();
    if (was_stale) continue;
    server_.metrics.count_answer(0);
    co_return head.error();
  }
}

bool HttpListWatch::is_json() const {
  const std::string_view type = head_.content_type;
  return type.substr(0, type.find(';')) == "application/json";
}

/// The answer is not what was asked for: what it says instead.
asio::awaitable<ApiFailure> HttpListWatch::read_refusal() {
  std::string body;
  for (;;) {
    const auto more = co_await connection_->read_body(
        kListSilence, [&body](std::string_view bytes) { body += bytes; });
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

asio::awaitable<std::optional<ApiFailure>> HttpListWatch::request_once(std::string target) {
  if (auto failure = co_await send(std::move(target))) co_return failure;
  if (head_.status == 200 && is_json()) co_return std::nullopt;
  co_return co_await read_refusal();
}

/// A13, A25: with what is repeated before anybody hears of it.
asio::awaitable<std::optional<ApiFailure>> HttpListWatch::request(std::string target,
                                                                  std::string verb) {
  bool is_authorized_anew = false;
  for (unsigned repeats = 0;;) {
    auto failure = co_await request_once(target);
    if (!failure || stopping_) co_return failure;
    if (failure->code == ApiErrc::Unauthorized) {
      if (server_.credentials.invalidate(sent_) && !std::exchange(is_authorized_anew, true)) {
        server_.metrics.count_retry(failure->status);
        continue;
      }
      failure->text += "; the credentials are from " + server_.access.origin;
    }
    if (failure->code == ApiErrc::Forbidden) {
      failure->text += "; add this to the rules of a " +
                       (resource_.name_space.empty() ? std::string("ClusterRole")
                                                     : "Role in " + resource_.name_space) +
                       " that is bound to this user: " + rbac_rule(resource_);
    }
    const auto pause = plan_repeat(*failure, repeats, verb == "watch");
    if (!pause) co_return failure;
    ++repeats;
    server_.metrics.count_retry(failure->status);
    co_await sleep_for(server_.timers, wakeup_, *pause);
  }
}

/// W1: the server does not know the field selector; from now on it is asked without.
bool HttpListWatch::drop_optional_fields(const ApiFailure& failure) {
  if (failure.status != 400 || !resource_.fields_are_optional || resource_.fields.empty()) {
    return false;
  }
  log::info("the API server does not know this field selector and is asked without it",
            {{"resource", resource_.name}, {"selector", resource_.fields}});
  resource_.fields.clear();
  return true;
}

asio::awaitable<ApiResult<ListPage>> HttpListWatch::list(ListOptions options, TakeItem take) {
  for (;;) {
    std::string target = list_target(server_.access.server.path, resource_, options);
    const auto failure = co_await request(std::move(target), "list");
    if (!failure) break;
    if (!drop_optional_fields(*failure)) co_return *failure;
  }

  ListReader reader(resource_, std::move(take));
  bool took_too_long = false;
  const Timer deadline = server_.timers.schedule(kListTimeout, [this, &took_too_long] {
    took_too_long = true;
    close_connection();
  });
  for (bool is_open = true; is_open;) {
    const auto more = co_await connection_->read_body(
        kListSilence, [&reader](std::string_view bytes) { reader.feed(bytes); });
    std::optional<ApiFailure> failure = reader.failure();
    if (stopping_) {
      failure = stopped();
    } else if (took_too_long) {
      failure = ApiFailure{ApiErrc::Timeout, "the list does not end"};
    } else if (!failure && !more) {
      failure = more.error();
      if (failure->code == ApiErrc::Silent) failure->code = ApiErrc::Timeout;
    }
    if (failure) {
      close_connection();
      co_return *failure;
    }
    is_open = *more;
  }
  co_return reader.finish();
}

asio::awaitable<ApiResult<std::unique_ptr<WatchStream>>> HttpListWatch::watch(
    WatchOptions options) {
  for (;;) {
    std::string target = watch_target(server_.access.server.path, resource_, options);
    const auto failure = co_await request(std::move(target), "watch");
    if (!failure) break;
    if (!drop_optional_fields(*failure)) co_return *failure;
  }
  co_return std::make_unique<Stream>(*this);
}

void HttpListWatch::on_certificate_change() {
  renewing_ = true;
  if (watching_) close_connection();
}

void HttpListWatch::close_connection() noexcept {
  if (connection_) connection_->close();
}

void HttpListWatch::stop() {
  stopping_ = true;
  dialer_->stop();
  close_connection();
  wakeup_.wake();
}

}  // namespace wherry::api
