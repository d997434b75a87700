#pragma once

#include "base/document/json_stream.h"
#include "base/document/read_documents.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wherry::document {

/// Makes JSON values out of parse events, within the limits. Private to this folder: both grammars
/// feed it, so that what is refused and what is dropped is the same for both.
///
/// Every function returns false once `error()` is set; the parser stops then.
class DocumentBuilder {
 public:
  using Shape = JsonStream::Shape;

  DocumentBuilder(const Limits& limits, const std::function<void(Document&&)>& take,
                  Shape shape = Shape::Documents)
      : limits_(limits), take_(take), shape_(shape) {}

  /// Where to say which keys stand twice, if that is to be no error; nullptr: it is one.
  void note_repeated(std::vector<SyntaxError>* into) { repeated_ = into; }

  bool begin_document(Mark mark);
  bool end_document();

  bool begin_object(Mark mark);
  bool end_object();
  bool begin_array(Mark mark);
  bool end_array();
  bool key(Mark mark, std::string_view text);
  bool scalar(Mark mark, boost::json::value&& value);

  /// YAML only. A "<<" without quotes, in place of key().
  bool merge_key(Mark mark);

  /// YAML only. anchor_next() names the value that the next event begins.
  void anchor_next(std::string_view name) { next_anchor_ = name; }
  bool alias(Mark mark, std::string_view name);
  /// YAML only: whether the mapping waits for a key.
  [[nodiscard]] bool wants_key() const;

  [[nodiscard]] const std::string& error() const { return error_; }
  /// Whether what comes next is dropped: its text need not be kept.
  [[nodiscard]] bool skips() const noexcept { return skipping_ > 0; }
  /// Whether a string of so many bytes may come: asked while it arrives in parts.
  bool allow(std::size_t bytes);
  /// Whether no value is under way.
  [[nodiscard]] bool between_values() const noexcept { return frames_.empty() && skipping_ == 0; }

 private:
  struct Frame {
    boost::json::value container;
    std::string key;  ///< the key whose value comes next
    bool has_key = false;
    bool is_merge = false;  ///< the value that comes next stands under "<<"
    Mark mark;
    std::string anchor;
    std::vector<boost::json::value>
        merges;  ///< what stood under "<<", applied when all keys are known
    std::size_t nodes_before = 0;
    std::size_t bytes_before = 0;
    std::size_t elements = 0;  ///< of the "items" list, handed over or not
    std::size_t height = 1;    ///< levels of containers: this one and those in it
  };
  struct Anchored {
    boost::json::value value;
    std::size_t nodes;
    std::size_t bytes;
    std::size_t height;
  };

  bool fail(std::string text);
  bool fail_depth();
  bool spend(std::size_t nodes, std::size_t bytes);
  bool spend_on_copy(std::size_t nodes, std::size_t bytes);
  bool begin(Mark mark, boost::json::value&& empty);
  bool end();
  bool add(Mark mark, boost::json::value&& value, std::size_t height);
  bool hand_over(Mark mark, boost::json::value&& value, std::optional<std::size_t> item,
                 const boost::json::value* list = nullptr);
  bool merge(boost::json::object& into, boost::json::value&& from);
  [[nodiscard]] bool is_items_list(std::size_t frame) const;
  [[nodiscard]] bool at_managed_fields() const;
  bool remember(const std::string& anchor, Anchored anchored);
  void hand_over_items(Mark mark, boost::json::value& root);

  const Limits limits_;
  const std::function<void(Document&&)>& take_;
  const Shape shape_;
  std::vector<Frame> frames_;
  std::unordered_map<std::string, Anchored> anchors_;
  std::string next_anchor_;
  std::size_t number_ = 0;
  std::size_t nodes_ = 0;  ///< spent on the document or list item under way
  std::size_t bytes_ = 0;
  std::size_t anchored_nodes_ = 0;  ///< in anchors_
  std::size_t anchored_bytes_ = 0;
  std::size_t copied_nodes_ = 0;  ///< into and out of anchors_, over the whole text
  std::size_t copied_bytes_ = 0;
  std::size_t skipping_ = 0;  ///< containers open below a value that is dropped
  std::string error_;
  std::vector<SyntaxError>* repeated_ = nullptr;
};

}  // namespace wherry::document
