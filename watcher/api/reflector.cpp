#include "watcher/api/reflector.h"

#include "base/log.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <utility>

namespace wherry::api {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kPageSize = 500;  // A6
/// A watch that ends sooner, without an event, has not been one (A15).
constexpr Duration kVeryShort = std::chrono::seconds(1);
/// Of the interval, up or down, so that many pollers do not ask in step.
constexpr double kPollJitter = 0.1;
/// The server's word that everything there was has been told (A2).
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

bool ends_initial_events(const json::value& object) {
  const json::object* root = object.if_object();
  const json::value* meta = root == nullptr ? nullptr : root->if_contains("metadata");
  const json::object* fields = meta == nullptr ? nullptr : meta->if_object();
  const json::value* found = fields == nullptr ? nullptr : fields->if_contains("annotations");
  const json::object* annotations = found == nullptr ? nullptr : found->if_object();
  const json::value* end =
      annotations == nullptr ? nullptr : annotations->if_contains(kInitialEventsEnd);
  return end != nullptr && end->is_string() && end->get_string() == "true";
}

}  // namespace

Reflector::Reflector(asio::io_context& loop, std::string kind, ListWatch& api, ObjectStore& store,
                     Timers& timers, const Clock& clock, Random& random, ReflectorOptions options,
                     OnHealth on_health)
    : kind_(std::move(kind)),
      api_(api),
      store_(store),
      timers_(timers),
      clock_(clock),
      random_(random),
      options_(options),
      on_health_(std::move(on_health)),
      backoff_(clock, random),
      wakeup_(loop),
      tasks_(loop) {}

Reflector::~Reflector() = default;

void Reflector::start() {
  health_.last_contact = clock_.now();
  tasks_.spawn("reflector of " + kind_, options_.poll_interval > Duration::zero() ? poll() : run());
}

void Reflector::stop() {
  stopping_ = true;
  api_.stop();
  wakeup_.wake();
}

asio::awaitable<void> Reflector::run() {
  while (!stopping_) {
    const Ended ended = co_await attempt();
    if (stopping_) co_return;

    const RetryPlan plan = plan_retry(ended.phase, ended.failure.code, ended.had_version);
    next_ = plan.next;
    if (next_ == NextStep::RelistFresh) ask_afresh();
    // A server that does no WatchList is none that fails: it is asked in the way it knows (A3).
    const bool falls_back = next_ == NextStep::ListPlainly;
    if (ended.failure.code != ApiErrc::Ended && !falls_back) note_failure(ended.failure);
    if (plan.wait) co_await wait(ended.failure.retry_after.value_or(backoff_.next()));
  }
}

/// Lists where that is due, then watches. Returns why it ended; it never ends for no reason.
asio::awaitable<Reflector::Ended> Reflector::attempt() {
  if (next_ != NextStep::Rewatch) {
    const bool had_version = version_kind_ == Version::Last;
    if (options_.watch_list && next_ != NextStep::ListPlainly) co_return co_await watch_list();
    if (auto failure = co_await list()) {
      co_return Ended{Phase::List, std::move(*failure), had_version};
    }
    next_ = NextStep::Rewatch;
  }
  co_return co_await watch();
}

/// A1, A2: one watch that brings what there is, says when that was all, and goes on.
asio::awaitable<Reflector::Ended> Reflector::watch_list() {
  WatchOptions options{.resource_version = version_kind_ == Version::Last ? version_ : "",
                       .timeout = watch_timeout(),
                       .send_initial_events = true};
  const bool had_version = !options.resource_version.empty();
  const TimePoint began = clock_.now();
  auto opened = co_await api_.watch(std::move(options));
  if (!opened) co_return Ended{Phase::WatchList, std::move(opened.error()), had_version};
  ++health_.watches;
  const std::unique_ptr<WatchStream> stream = std::move(*opened);

  store_.begin();
  std::uint64_t events = 0;
  impatience_ = complain_later();
  for (;;) {
    auto event = co_await stream->next();
    if (!event || stopping_) {
      impatience_.cancel();
      store_.abandon();
      if (stopping_) co_return Ended{Phase::WatchList, stopped(), had_version};
      ApiFailure failure = std::move(event.error());
      if (failure.code == ApiErrc::Ended && events == 0 && clock_.now() - began < kVeryShort) {
        failure.code = ApiErrc::VeryShortWatch;
      }
      co_return Ended{Phase::WatchList, std::move(failure), had_version};
    }
    ++events;
    if (event->type == WatchEvent::Type::Bookmark) {
      if (!ends_initial_events(event->object)) continue;
      impatience_.cancel();
      commit(resource_version_of(event->object));
      note_following();
      break;
    }
    if (!is_expected(*event)) continue;
    if (event->type == WatchEvent::Type::Deleted) continue;  // of what was never told
    if (!store_.add(event->object, event->bytes)) {
      impatience_.cancel();
      store_.abandon();
      co_return Ended{Phase::WatchList, too_large(), had_version};
    }
  }
  next_ = NextStep::Rewatch;
  ApiFailure failure = co_await follow(*stream);
  co_return Ended{Phase::Watch, std::move(failure), true};
}

/// A2: every ten seconds in which the end of the initial events does not come.
Timer Reflector::complain_later() {
  return timers_.schedule(std::chrono::seconds(10), [this] {
    log::warn("the API server has not said yet that it has told everything there is",
              {{"kind", kind_}});
    impatience_ = complain_later();
  });
}

asio::awaitable<std::optional<ApiFailure>> Reflector::list() {
  auto listed = co_await list_pages();
  if (!listed || stopping_) {
    store_.abandon();
    co_return listed ? stopped() : std::move(listed.error());
  }
  if (health_.synced && !version_.empty() && listed->resource_version == version_) {
    // Nothing in the whole cluster has changed since: what was listed is what is held.
    store_.abandon();
    note_contact();
  } else {
    commit(std::move(listed->resource_version));
  }
  co_return std::nullopt;
}

/// A4, A5, A6. The version that it returns is the first page's.
asio::awaitable<ApiResult<ListPage>> Reflector::list_pages() {
  const std::string wanted = version_to_ask_for();
  // A version other than 0 without a limit is answered from the server's cache.
  const bool in_pages = wanted.empty() || wanted == "0" || pages_;
  ListOptions options{
      .resource_version = wanted, .limit = in_pages ? kPageSize : 0, .continue_token = {}};
  const ListWatch::TakeItem take = [this](json::value&& item, std::size_t bytes) {
    return store_.add(item, bytes);
  };
  store_.begin();
  auto first = co_await api_.list(options, take);
  if (!first || first->continue_token.empty()) co_return first;
  if (wanted == "0") pages_ = true;

  ListPage page = *first;
  while (!page.continue_token.empty() && !stopping_) {
    options.continue_token = page.continue_token;
    auto next = co_await api_.list(options, take);
    if (!next && next.error().code == ApiErrc::Gone) {
      // The pages that are left are of a version that is gone: once more, all at once (A6).
      store_.begin();
      options = {.resource_version = wanted, .limit = 0, .continue_token = {}};
      co_return co_await api_.list(options, take);
    }
    if (!next) co_return next;
    page = *next;
  }
  co_return first;
}

asio::awaitable<Reflector::Ended> Reflector::watch() {
  const TimePoint began = clock_.now();
  // A name of its own: g++ 12 destroys twice what stands in braces within co_await.
  WatchOptions options{
      .resource_version = version_, .timeout = watch_timeout(), .send_initial_events = false};
  auto opened = co_await api_.watch(std::move(options));
  if (!opened) co_return Ended{Phase::Watch, std::move(opened.error()), true};
  ++health_.watches;
  const std::unique_ptr<WatchStream> stream = std::move(*opened);
  const std::uint64_t events_before = health_.events;
  settled_ = timers_.schedule(kVeryShort, [this] { note_following(); });
  ApiFailure failure = co_await follow(*stream);
  settled_.cancel();
  if (failure.code == ApiErrc::Ended && health_.events == events_before &&
      clock_.now() - began < kVeryShort) {
    failure.code = ApiErrc::VeryShortWatch;
  }
  co_return Ended{Phase::Watch, std::move(failure), true};
}

/// Applies events until the stream ends; returns why it did.
asio::awaitable<ApiFailure> Reflector::follow(WatchStream& stream) {
  for (;;) {
    auto event = co_await stream.next();
    if (stopping_) co_return stopped();
    if (!event) co_return std::move(event.error());
    ++health_.events;
    if (auto refused = apply(*event)) co_return std::move(*refused);
    note_contact();
    note_following();
  }
}

std::optional<ApiFailure> Reflector::apply(const WatchEvent& event) {
  if (!is_expected(event)) return std::nullopt;
  std::string version = resource_version_of(event.object);
  switch (event.type) {
    case WatchEvent::Type::Added:
    case WatchEvent::Type::Modified:
      if (!store_.upsert(event.object, event.bytes)) return too_large();
      break;
    case WatchEvent::Type::Deleted:
      store_.erase(event.object);
      break;
    case WatchEvent::Type::Bookmark:
      break;
  }
  // A9: a watch that began nowhere tells first what there is, in no order; its versions say nothing
  // about how far we are.
  const bool is_synthetic =
      event.type == WatchEvent::Type::Added && (version_.empty() || version_ == "0");
  if (!version.empty() && !is_synthetic) {
    version_ = std::move(version);
    version_kind_ = Version::Last;
  }
  return std::nullopt;
}

/// A23. A Bookmark's object names the kind too.
bool Reflector::is_expected(const WatchEvent& event) const {
  const json::object* root = event.object.if_object();
  const json::value* kind = root == nullptr ? nullptr : root->if_contains("kind");
  const bool expected =
      root != nullptr && (kind == nullptr || (kind->is_string() && kind->get_string() == kind_));
  if (!expected) log::debug("an event of another kind is ignored", {{"expected", kind_}});
  return expected;
}

std::string Reflector::version_to_ask_for() const {
  switch (version_kind_) {
    case Version::First:
      return "0";
    case Version::Last:
      return version_;
    case Version::Fresh:
      return "";
  }
  return "";
}

/// A7: another one each time, so that watches do not end in step.
std::chrono::seconds Reflector::watch_timeout() {
  return std::chrono::seconds(300 + static_cast<std::int64_t>(random_.next_below(300)));
}

/// The server knows nothing of our version. It may have come back from a backup and give out for
/// the second time what it gave out before (A11): no version that was seen means anything any more.
void Reflector::ask_afresh() {
  version_kind_ = Version::Fresh;
  version_.clear();
  store_.forget_versions();
}

void Reflector::commit(std::string version) {
  version_ = std::move(version);
  version_kind_ = version_.empty() ? Version::Fresh : Version::Last;
  ++health_.lists;
  store_.commit();
  const bool was_synced = std::exchange(health_.synced, true);
  note_contact();
  if (!was_synced) on_health_();
}

void Reflector::note_contact() { health_.last_contact = clock_.now(); }

void Reflector::note_following() {
  if (!health_.failing) return;
  health_.failing.reset();
  on_health_();
}

void Reflector::note_failure(const ApiFailure& failure) {
  if (!health_.failing) health_.failing_since = clock_.now();
  health_.failing = failure;
  on_health_();
}

asio::awaitable<void> Reflector::wait(Duration duration) {
  if (stopping_) co_return;
  co_await sleep_for(timers_, wakeup_, duration);
}

/// The same by listing alone, where watching is not to be had.
asio::awaitable<void> Reflector::poll() {
  while (!stopping_) {
    const bool had_version = version_kind_ == Version::Last;
    const auto failure = co_await list();
    if (stopping_) co_return;
    if (failure) {
      const RetryPlan plan = plan_retry(Phase::List, failure->code, had_version);
      if (plan.next == NextStep::RelistFresh) ask_afresh();
      note_failure(*failure);
      if (plan.wait) co_await wait(failure->retry_after.value_or(backoff_.next()));
      continue;
    }
    note_following();
    const auto interval = static_cast<double>(options_.poll_interval.count());
    const double jitter = 1 + kPollJitter * (2 * random_.next_unit() - 1);
    co_await wait(Duration(static_cast<Duration::rep>(interval * jitter)));
  }
}

}  // namespace wherry::api
