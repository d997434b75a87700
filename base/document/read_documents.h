#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// YAML and JSON text as JSON values, the way Kubernetes' own tools read it, with every resource
/// bounded: configuration, manifests and kubeconfig files all come in through here.
namespace wherry::document {

/// What a stranger's text may cost. A document that needs more is refused with a clear error.
/// All the aliases of a text, over all its documents and list items, may add eight times the nodes
/// and bytes of one.
struct Limits {
  std::size_t depth = 64;         ///< nesting, aliases expanded; Kubernetes objects stay below 20
  std::size_t nodes = 250'000;    ///< values in one document or list item, aliases expanded
  std::size_t bytes = 40u << 20;  ///< string bytes in one document or list item, as above
};

/// Line and column of a text, from 1.
struct Mark {
  int line = 1;
  int column = 1;

  friend bool operator==(const Mark&, const Mark&) = default;
};

struct SyntaxError {
  Mark mark;
  std::string text;
};

/// One document of a text, or one element of the list that a document holds under "items".
///
/// Elements are handed over one by one, before the document that holds them, and are then missing
/// there (its "items" is an empty list): a list of 100,000 objects is never in memory as one value.
struct Document {
  boost::json::value value;
  std::size_t number = 0;           ///< of the document in the text, from 0
  std::optional<std::size_t> item;  ///< which element of "items"
  Mark mark;  ///< where the value starts; for JSON text always 1:1, see locate
  /// For an element: what has been read of the document that holds it, until the call returns.
  const boost::json::value* list = nullptr;
  std::size_t bytes = 0;  ///< about what the value takes: its text, and a little for each value
};

/// Which error to report for a text that is neither JSON nor YAML.
enum class Expect { Yaml, Json };

/// Reads every document of `text` and calls `take` for each; null documents are left out.
///
/// Text that is JSON (also several values one after another) is read as JSON, all else as YAML 1.1
/// with the scalar rules of go-yaml, which are kubectl's. Beyond YAML's grammar these are errors:
/// a key that stands twice in a mapping, a key that is not a scalar, an alias to nothing or to the
/// "items" that were handed over. metadata.managedFields are dropped unread. A byte order mark at
/// the start is passed over and counts in no column.
///
/// When it returns an error, `take` may have been called for what came before.
///
/// With `repeated` a key that stands twice is no error: it is added there, and its last value
/// counts, as in Kubernetes' lenient decoding.
[[nodiscard]] std::optional<SyntaxError> read_documents(
    std::string_view text, Expect expect, const Limits& limits,
    const std::function<void(Document&&)>& take, std::vector<SyntaxError>* repeated = nullptr);

}  // namespace wherry::document
