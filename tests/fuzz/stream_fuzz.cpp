// What an API server sends means the same however it is cut up on its way: a list, or a watch.

#include "tests/fuzz/require.h"
#include "watcher/api/list_reader.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

namespace api = wherry::api;
using wherry::fuzz::require;

/// In what words Boost.JSON finds fault depends on the cut; that it does must not.
std::string text_of(const api::ApiFailure& failure) {
  if (failure.code == api::ApiErrc::Malformed) return "malformed\n";
  return std::string(api::to_string(failure.code)) + ' ' + std::to_string(failure.status) + ' ' +
         failure.text + '\n';
}

/// Pieces whose sizes the input says itself: each byte that begins one decides.
template <class Feed>
void feed_in_pieces(std::string_view text, Feed feed) {
  while (!text.empty()) {
    const std::size_t first = static_cast<std::uint8_t>(text.front());
    const std::size_t size = std::min(text.size(), 1 + first * first % 37);
    feed(text.substr(0, size));
    text.remove_prefix(size);
  }
}

template <class Feed>
void feed_whole(std::string_view text, Feed feed) {
  feed(text);
}

/// All that a list says, as text.
template <class Cut>
std::string list(std::string_view text, Cut cut) {
  std::string said;
  std::size_t items = 0;
  const api::Resource pods{.name = "pods", .version = "v1", .plural = "pods", .kind = "Pod"};
  api::ListReader reader(pods, [&](boost::json::value&& item, std::size_t bytes) {
    said += std::to_string(bytes) + ' ' + boost::json::serialize(item) + '\n';
    return ++items < 100;
  });
  cut(text, [&](std::string_view piece) { reader.feed(piece); });
  const api::ApiResult<api::ListPage> page = reader.finish();
  if (!page) return said + text_of(page.error());
  require(!page->resource_version.empty(), "a page has a version");
  return said + page->resource_version + ' ' + page->continue_token;
}

/// All that a watch says, as text.
template <class Cut>
std::string watch(std::string_view text, Cut cut) {
  std::string said;
  api::WatchReader reader;
  cut(text, [&](std::string_view piece) {
    reader.feed(piece);
    while (const auto event = reader.next()) {
      require(event->object.is_object(), "an event has an object");
      said += std::to_string(static_cast<int>(event->type)) + ' ' + std::to_string(event->bytes) +
              ' ' + boost::json::serialize(event->object) + '\n';
    }
  });
  if (reader.failure()) return said + text_of(*reader.failure());
  return said + (reader.between_events() ? "between" : "within");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = [](std::string_view all, auto feed) { feed_whole(all, feed); };
  const auto pieces = [](std::string_view all, auto feed) { feed_in_pieces(all, feed); };

  const std::string listed = list(text, whole);
  const std::string listed_in_pieces = list(text, pieces);
  require(listed == listed_in_pieces, "a list means the same in pieces",
          listed + "\n--\n" + listed_in_pieces);

  const std::string watched = watch(text, whole);
  const std::string watched_in_pieces = watch(text, pieces);
  require(watched == watched_in_pieces, "a watch means the same in pieces",
          watched + "\n--\n" + watched_in_pieces);
  return 0;
}
