#include "tests/watcher/api/fake_list_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>

namespace wherry::test {

using api::ApiErrc;
using api::ApiFailure;
using api::WatchEvent;
namespace json = boost::json;

namespace {

std::uint64_t number_of(const std::string& version) {
  std::uint64_t number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

WatchEvent::Type type_of(const std::string& name) {
  if (name == "ADDED") return WatchEvent::Type::Added;
  if (name == "MODIFIED") return WatchEvent::Type::Modified;
  return WatchEvent::Type::Deleted;
}

ApiFailure failure(ApiErrc code) { return {code, "asked for by the test", {}, 0}; }

json::object bookmark_of(const FakeCollection& collection, bool ends_initial_events) {
  json::object metadata{{"resourceVersion", std::to_string(collection.version())}};
  if (ends_initial_events) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return {{"kind", json::string(collection.kind())}, {"metadata", std::move(metadata)}};
}

}  // namespace

/// Lives until its reader drops it, or the list-watch goes.
class FakeListWatch::Stream final : public api::WatchStream {
 public:
  Stream(FakeListWatch& owner, std::uint64_t from)
      : owner_(&owner), wakeup_(owner.loop_), seen_(from) {
    owner.streams_.push_back(this);
  }
  ~Stream() override {
    if (owner_ != nullptr) std::erase(owner_->streams_, this);
  }

  asio::awaitable<api::ApiResult<WatchEvent>> next() override {
    while (events_.empty() && !ended_) co_await wakeup_.wait();
    if (events_.empty()) co_return *ended_;
    WatchEvent event = std::move(events_.front());
    events_.pop_front();
    co_return event;
  }

  void push(WatchEvent event) {
    event.bytes = 100;
    events_.push_back(std::move(event));
    wakeup_.wake();
  }
  void end(ApiErrc code) {
    if (!ended_) ended_ = failure(code);
    wakeup_.wake();
  }
  void deliver(const FakeCollection& collection) {
    if (seen_ < collection.compacted()) return end(ApiErrc::Gone);
    for (const FakeCollection::Event& event : collection.history()) {
      if (event.version > seen_) push({type_of(event.type), event.object});
    }
    seen_ = collection.version();
  }
  void forget_owner() { owner_ = nullptr; }

 private:
  FakeListWatch* owner_;
  Wakeup wakeup_;
  std::uint64_t seen_;
  std::deque<WatchEvent> events_;
  std::optional<ApiFailure> ended_;
};

FakeListWatch::~FakeListWatch() {
  for (Stream* stream : streams_) stream->forget_owner();
}

std::optional<ApiFailure> FakeListWatch::take_failure() {
  if (stopped_) return failure(ApiErrc::Stopped);
  if (failures_.empty()) return std::nullopt;
  ApiFailure next = std::move(failures_.front());
  failures_.pop_front();
  return next;
}

std::optional<ApiFailure> FakeListWatch::check_version(const std::string& version) const {
  if (number_of(version) > collection_.version()) return failure(ApiErrc::VersionTooLarge);
  return std::nullopt;
}

asio::awaitable<api::ApiResult<api::ListPage>> FakeListWatch::list(api::ListOptions options,
                                                                   TakeItem take) {
  EXPECT_FALSE(busy_) << "FakeListWatch: list() while another call is under way";
  requests_.push_back("list " +
                      (options.continue_token.empty() ? "rv=" + options.resource_version
                                                      : "continue=" + options.continue_token) +
                      " limit=" + std::to_string(options.limit));
  if (auto refused = take_failure()) co_return *refused;
  if (list_failure_) co_return failure(*list_failure_);
  if (auto refused = check_version(options.resource_version)) co_return *refused;

  const std::string epoch = std::to_string(token_epoch_) + '/';
  std::size_t from = 0;
  if (!options.continue_token.empty()) {
    if (!options.continue_token.starts_with(epoch)) co_return failure(ApiErrc::Gone);
    from = number_of(options.continue_token.substr(epoch.size()));
  }
  // A real one pages only what it reads from etcd: never a version without a limit.
  const bool pages = options.limit > 0 && page_size_ > 0;
  const std::size_t until = pages ? from + page_size_ : collection_.objects().size();
  std::size_t index = 0;
  for (const auto& [key, object] : collection_.objects()) {
    const bool is_on_page = index >= from && index < until;
    ++index;
    json::object item = object;  // a list's items do not say their kind
    item.erase("kind");
    item.erase("apiVersion");
    if (is_on_page && !take(std::move(item), 100)) co_return failure(ApiErrc::TooLarge);
  }
  api::ListPage page{std::to_string(collection_.version()), {}};
  if (until < collection_.objects().size()) page.continue_token = epoch + std::to_string(until);
  if (expire_in_ > 0 && --expire_in_ == 0) ++token_epoch_;
  co_return page;
}

asio::awaitable<api::ApiResult<std::unique_ptr<api::WatchStream>>> FakeListWatch::watch(
    api::WatchOptions options) {
  EXPECT_GE(options.timeout.count(), 300) << "A7";
  EXPECT_LT(options.timeout.count(), 600) << "A7";
  requests_.push_back(std::string(options.send_initial_events ? "watchlist" : "watch") +
                      " rv=" + options.resource_version);
  if (auto refused = take_failure()) co_return *refused;
  const auto broken = options.send_initial_events ? watch_list_failure_ : watch_failure_;
  if (broken) co_return failure(*broken);
  if (auto refused = check_version(options.resource_version)) co_return *refused;
  if (!options.send_initial_events &&
      number_of(options.resource_version) < collection_.compacted()) {
    co_return failure(ApiErrc::Gone);
  }
  const std::uint64_t from =
      options.send_initial_events ? collection_.version() : number_of(options.resource_version);
  auto stream = std::make_unique<Stream>(*this, from);
  if (options.send_initial_events) {
    for (const auto& [key, object] : collection_.objects()) {
      stream->push({WatchEvent::Type::Added, object});
    }
    if (!withhold_end_) {
      stream->push({WatchEvent::Type::Bookmark, bookmark_of(collection_, true)});
    }
  } else {
    stream->deliver(collection_);
  }
  co_return stream;
}

void FakeListWatch::deliver() {
  for (Stream* stream : streams_) stream->deliver(collection_);
}

void FakeListWatch::bookmark() {
  for (Stream* stream : streams_) {
    stream->deliver(collection_);
    stream->push({WatchEvent::Type::Bookmark, bookmark_of(collection_, false)});
  }
}

void FakeListWatch::end_watches(ApiErrc code) {
  for (Stream* stream : streams_) stream->end(code);
}

void FakeListWatch::inject(WatchEvent event) {
  for (Stream* stream : streams_) stream->push(event);
}

void FakeListWatch::stop() {
  stopped_ = true;
  end_watches(ApiErrc::Stopped);
}

}  // namespace wherry::test
