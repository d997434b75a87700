#pragma once

#include "base/async/asio.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/request.h"

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace wherry::api {

/// One event of a watch. `object` is the object (of an ERROR a Status, of a BOOKMARK a version).
struct WatchEvent {
  enum class Type { Added, Modified, Deleted, Bookmark };
  Type type = Type::Added;
  boost::json::value object;
  std::size_t bytes = 0;  ///< about what the object's text takes
};

/// A watch that is under way. Ends, by its destruction too, without a word to the server.
class WatchStream {
 public:
  virtual ~WatchStream() = default;

  /// The next event; the failure that ended the stream otherwise, for good. An ERROR event is the
  /// failure that it names.
  [[nodiscard]] virtual asio::awaitable<ApiResult<WatchEvent>> next() = 0;
};

/// What stands around the items of a page.
struct ListPage {
  std::string resource_version;
  std::string continue_token;  ///< empty: the last page
};

/// Lists and watches one resource of one API server. The only way to a cluster: HttpListWatch is
/// the real one.
///
/// Control thread only; one call at a time. stop() ends the call that is under way, and every one
/// after it, with Stopped.
class ListWatch {
 public:
  /// An object, and about how many bytes its text takes. False: enough of this list.
  using TakeItem = std::function<bool(boost::json::value&&, std::size_t bytes)>;

  virtual ~ListWatch() = default;

  /// Hands the items over as they arrive; what it returns comes after the last one. After a failure
  /// the items that were handed over are worth nothing; TooLarge where `take` has had enough.
  [[nodiscard]] virtual asio::awaitable<ApiResult<ListPage>> list(ListOptions options,
                                                                  TakeItem take) = 0;
  [[nodiscard]] virtual asio::awaitable<ApiResult<std::unique_ptr<WatchStream>>> watch(
      WatchOptions options) = 0;
  virtual void stop() = 0;
};

}  // namespace wherry::api
