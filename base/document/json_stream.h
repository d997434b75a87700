#pragma once

#include "base/document/read_documents.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::document {

/// JSON values out of text that arrives in pieces, one after another, whatever stands between them:
/// the answer of an API server to a list, or the events of a watch (A20). Each value, and each
/// element of a list under "items", is handed over as soon as its last byte has come. What a value
/// may cost is bounded like that of any other document; managedFields are dropped unread.
class JsonStream {
 public:
  /// Where managedFields stand: in metadata of a document or list item, or, in the events of a
  /// watch, in metadata of their "object".
  enum class Shape { Documents, WatchEvents };

  JsonStream(const Limits& limits, Shape shape, std::function<void(Document&&)> take);
  ~JsonStream();
  JsonStream(const JsonStream&) = delete;
  JsonStream& operator=(const JsonStream&) = delete;

  /// Says what is wrong with the text, or nothing. After an error nothing more may be fed.
  [[nodiscard]] std::optional<std::string> feed(std::string_view bytes);
  /// Whether no value is under way: the text may end here.
  [[nodiscard]] bool between_values() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wherry::document
