#pragma once

#include "base/async/wakeup.h"
#include "tests/watcher/api/fake_collection.h"
#include "watcher/api/list_watch.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::test {

/// A ListWatch over a FakeCollection: no sockets, no time. Faults are what the test asks for.
class FakeListWatch final : public api::ListWatch {
 public:
  FakeListWatch(asio::io_context& loop, FakeCollection& collection)
      : loop_(loop), collection_(collection) {}
  ~FakeListWatch() override;

  // --- what the test makes happen ---

  /// The next request (or the one after those that fail already) fails so.
  void fail_next(api::ApiErrc code, std::optional<Duration> retry_after = std::nullopt) {
    failures_.push_back({code, "asked for by the test", retry_after, 0});
  }
  /// Requests of one kind fail until told otherwise.
  void fail_watch_lists(std::optional<api::ApiErrc> code) { watch_list_failure_ = code; }
  void fail_watches(std::optional<api::ApiErrc> code) { watch_failure_ = code; }
  void fail_lists(std::optional<api::ApiErrc> code) { list_failure_ = code; }
  /// Lists come in pages although no more were asked for than fit (an old server without cache).
  void set_page_size(std::size_t size) { page_size_ = size; }
  /// After so many lists from now, continue tokens that were given out before are worth nothing.
  void expire_pages_after(int lists) { expire_in_ = lists; }

  /// Tells the streams of what has changed in the collection.
  void deliver();
  void bookmark();
  /// Ends every stream so.
  void end_watches(api::ApiErrc code);
  /// Ends watches that say nothing: no end of initial events.
  void withhold_initial_end(bool withhold) { withhold_end_ = withhold; }
  /// An event as it is.
  void inject(api::WatchEvent event);

  // --- what the test looks at ---

  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
  std::vector<std::string> take_requests() { return std::exchange(requests_, {}); }
  [[nodiscard]] std::size_t open_streams() const { return streams_.size(); }

  // --- api::ListWatch ---

  asio::awaitable<api::ApiResult<api::ListPage>> list(api::ListOptions options,
                                                      TakeItem take) override;
  asio::awaitable<api::ApiResult<std::unique_ptr<api::WatchStream>>> watch(
      api::WatchOptions options) override;
  void stop() override;

 private:
  class Stream;

  [[nodiscard]] std::optional<api::ApiFailure> take_failure();
  [[nodiscard]] std::optional<api::ApiFailure> check_version(const std::string& version) const;

  asio::io_context& loop_;
  FakeCollection& collection_;
  std::deque<api::ApiFailure> failures_;
  std::optional<api::ApiErrc> watch_list_failure_;
  std::optional<api::ApiErrc> watch_failure_;
  std::optional<api::ApiErrc> list_failure_;
  std::size_t page_size_ = 0;
  int token_epoch_ = 0;
  int expire_in_ = 0;
  bool withhold_end_ = false;
  bool stopped_ = false;
  bool busy_ = false;
  std::vector<Stream*> streams_;
  std::vector<std::string> requests_;
};

}  // namespace wherry::test
