#pragma once

#include "base/document/json_stream.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/list_watch.h"
#include "watcher/api/request.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

/// What API servers send, as it arrives, into objects (A20). Pure but for the calls that they make;
/// bounded whatever comes.
namespace wherry::api {

/// What one object may cost: an API server takes at most a few MiB of it.
[[nodiscard]] document::Limits object_limits();

/// The answer to a list.
class ListReader {
 public:
  ListReader(const Resource& resource, ListWatch::TakeItem take);

  void feed(std::string_view bytes);
  /// Why reading on is of no use.
  [[nodiscard]] const std::optional<ApiFailure>& failure() const noexcept { return failure_; }
  /// At the end of the answer.
  [[nodiscard]] ApiResult<ListPage> finish();

 private:
  void take(document::Document&& document);
  void take_envelope(const boost::json::value& value);
  [[nodiscard]] bool check_kind(const boost::json::value& list);

  const std::string kind_;
  const ListWatch::TakeItem take_;
  document::JsonStream stream_;
  std::optional<ListPage> page_;
  std::optional<ApiFailure> failure_;
};

/// The events of a watch, whatever stands between them.
class WatchReader {
 public:
  WatchReader();

  void feed(std::string_view bytes);
  /// The next event that has come whole; none: feed more, or it has failed.
  [[nodiscard]] std::optional<WatchEvent> next();
  /// What the server or its bytes say is wrong; the events before it come first.
  [[nodiscard]] const std::optional<ApiFailure>& failure() const noexcept { return failure_; }
  /// Whether the stream may end here.
  [[nodiscard]] bool between_events() const noexcept { return stream_.between_values(); }

 private:
  void take(document::Document&& document);

  document::JsonStream stream_;
  std::deque<WatchEvent> events_;
  std::optional<ApiFailure> failure_;
};

}  // namespace wherry::api
