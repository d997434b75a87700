#include "watcher/api/http_list_watch.h"

#include "base/log.h"
#include "watcher/api/list_reader.h"
#include "watcher/api/retry_policy.h"

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

using namespace std::chrono_literals;

constexpr Duration kListSilence = 60s;
/// A list that drips on for ever is none.
constexpr Duration kListTimeout = 15min;
/// A17: bookmarks come about every minute.
constexpr Duration kWatchSilence = 90s;

}  // namespace

/// Reads events from the connection of its owner until it ends.
class HttpListWatch::Stream final : public WatchStream {
 public:
  explicit Stream(HttpListWatch& owner) : owner_(owner) { owner_.watching_ = true; }
  ~Stream() override {
    owner_.watching_ = false;
    if (!ended_ || ended_->code != ApiErrc::Ended) owner_.client_.close();
  }

  asio::awaitable<ApiResult<WatchEvent>> next() override {
    for (;;) {
      if (auto event = reader_.next()) co_return std::move(*event);
      if (!ended_ && reader_.failure()) ended_ = reader_.failure();
      if (ended_) co_return *ended_;
      const auto more = co_await owner_.client_.read_body(
          kWatchSilence, [this](std::string_view bytes) { reader_.feed(bytes); });
      if (owner_.client_.stopping()) {
        ended_ = stopped();
      } else if (!more) {
        // A27: the next connection has the new certificate.
        ended_ = owner_.client_.is_renewing() ? ApiFailure{ApiErrc::Ended} : more.error();
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
    : client_(std::move(server), std::move(dialer)),
      resource_(std::move(resource)),
      wakeup_(loop),
      subscription_(
          client_.server().credentials.on_certificate_change([this] { on_certificate_change(); })) {
}

HttpListWatch::~HttpListWatch() = default;

asio::awaitable<std::optional<ApiFailure>> HttpListWatch::request_once(std::string target) {
  HttpClient::Request get;
  get.target = std::move(target);
  if (auto failure = co_await client_.send(std::move(get))) co_return failure;
  if (client_.head().status == 200 && client_.is_json()) co_return std::nullopt;
  co_return co_await client_.read_refusal();
}

/// A13, A25: with what is repeated before anybody hears of it.
asio::awaitable<std::optional<ApiFailure>> HttpListWatch::request(std::string target,
                                                                  std::string verb) {
  bool is_authorized_anew = false;
  for (unsigned repeats = 0;;) {
    auto failure = co_await request_once(target);
    if (!failure || client_.stopping()) co_return failure;
    if (failure->code == ApiErrc::Unauthorized) {
      if (client_.invalidate_credentials() && !std::exchange(is_authorized_anew, true)) {
        client_.count_retry(*failure);
        continue;
      }
      failure->text += "; the credentials are from " + client_.server().access.origin;
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
    client_.count_retry(*failure);
    co_await sleep_for(client_.server().timers, wakeup_, *pause);
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
    std::string target = list_target(client_.server().access.server.path, resource_, options);
    const auto failure = co_await request(std::move(target), "list");
    if (!failure) break;
    if (!drop_optional_fields(*failure)) co_return *failure;
  }

  ListReader reader(resource_, std::move(take));
  bool took_too_long = false;
  const Timer deadline = client_.server().timers.schedule(kListTimeout, [this, &took_too_long] {
    took_too_long = true;
    client_.close();
  });
  for (bool is_open = true; is_open;) {
    const auto more = co_await client_.read_body(
        kListSilence, [&reader](std::string_view bytes) { reader.feed(bytes); });
    std::optional<ApiFailure> failure = reader.failure();
    if (client_.stopping()) {
      failure = stopped();
    } else if (took_too_long) {
      failure = ApiFailure{ApiErrc::Timeout, "the list does not end"};
    } else if (!failure && !more) {
      failure = more.error();
      if (failure->code == ApiErrc::Silent) failure->code = ApiErrc::Timeout;
    }
    if (failure) {
      client_.close();
      co_return *failure;
    }
    is_open = *more;
  }
  co_return reader.finish();
}

asio::awaitable<ApiResult<std::unique_ptr<WatchStream>>> HttpListWatch::watch(
    WatchOptions options) {
  for (;;) {
    std::string target = watch_target(client_.server().access.server.path, resource_, options);
    const auto failure = co_await request(std::move(target), "watch");
    if (!failure) break;
    if (!drop_optional_fields(*failure)) co_return *failure;
  }
  co_return std::make_unique<Stream>(*this);
}

/// A27: a watch ends, and goes on over a connection with the new certificate.
void HttpListWatch::on_certificate_change() {
  if (watching_) client_.close();
}

void HttpListWatch::stop() {
  client_.stop();
  wakeup_.wake();
}

}  // namespace wherry::api
