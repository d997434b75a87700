#include "base/document/document_builder.h"

#include "base/assert.h"
#include "base/quoted.h"

#include <boost/json/string.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace wherry::document {
namespace json = boost::json;

namespace {

/// Without this cap a text could spread aliases over many documents or list items, each within its
/// own budget, and cost hours and gigabytes. A hundred thousand objects that each repeat a few
/// labels by alias stay below it.
constexpr std::size_t kCopiesOfABudget = 8;

}  // namespace

bool DocumentBuilder::fail(std::string text) {
  if (error_.empty()) error_ = std::move(text);
  return false;
}

bool DocumentBuilder::fail_depth() {
  return fail("nested more than " + std::to_string(limits_.depth) + " levels deep");
}

bool DocumentBuilder::spend(std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits_.nodes) {
    return fail("the document has more than " + std::to_string(limits_.nodes) +
                " values; split it");
  }
  if (bytes_ > limits_.bytes) {
    return fail("the document has more than " + std::to_string(limits_.bytes >> 20) +
                " MiB of text; split it");
  }
  return true;
}

bool DocumentBuilder::allow(std::size_t bytes) {
  return bytes_ + bytes <= limits_.bytes || spend(0, limits_.bytes + 1);
}

bool DocumentBuilder::spend_on_copy(std::size_t nodes, std::size_t bytes) {
  copied_nodes_ += nodes;
  copied_bytes_ += bytes;
  if (copied_nodes_ > limits_.nodes * kCopiesOfABudget ||
      copied_bytes_ > limits_.bytes * kCopiesOfABudget) {
    return fail("aliases multiply this text too often; write out what they stand for");
  }
  return true;
}

bool DocumentBuilder::begin_document(Mark) {
  nodes_ = bytes_ = 0;
  return true;
}

bool DocumentBuilder::end_document() {
  WHERRY_ASSERT(frames_.empty() && skipping_ == 0);
  anchors_.clear();
  anchored_nodes_ = anchored_bytes_ = 0;
  ++number_;
  return true;
}

bool DocumentBuilder::wants_key() const {
  return skipping_ == 0 && !frames_.empty() && frames_.back().container.is_object() &&
         !frames_.back().has_key;
}

/// The list under a document's own "items".
bool DocumentBuilder::is_items_list(std::size_t frame) const {
  return frame == 1 && frames_[0].container.is_object() && frames_[0].key == "items" &&
         frames_[1].container.is_array();
}

/// Whether the value that comes next is metadata.managedFields of a document or of a list item.
/// They are most of what `kubectl get -o yaml` prints, and say nothing about the object.
bool DocumentBuilder::at_managed_fields() const {
  const std::size_t depth = frames_.size();
  if (depth < 2 || frames_[depth - 1].key != "managedFields" ||
      frames_[depth - 2].key != "metadata" || !frames_[depth - 2].container.is_object()) {
    return false;
  }
  if (shape_ == Shape::WatchEvents) return depth == 3 && frames_[0].key == "object";
  return depth == 2 || (depth == 4 && is_items_list(1));
}

bool DocumentBuilder::begin_object(Mark mark) { return begin(mark, json::object()); }
bool DocumentBuilder::begin_array(Mark mark) { return begin(mark, json::array()); }
bool DocumentBuilder::end_object() { return end(); }
bool DocumentBuilder::end_array() { return end(); }

bool DocumentBuilder::begin(Mark mark, json::value&& empty) {
  if (skipping_ > 0 || at_managed_fields()) {
    return frames_.size() + ++skipping_ <= limits_.depth || fail_depth();
  }
  if (frames_.size() >= limits_.depth) return fail_depth();
  if (frames_.size() == 2 && is_items_list(1)) nodes_ = bytes_ = 0;  // each item has its own budget
  Frame frame;
  frame.container = std::move(empty);
  frame.mark = mark;
  frame.anchor = std::exchange(next_anchor_, {});
  frame.nodes_before = nodes_;
  frame.bytes_before = bytes_;
  if (!spend(1, 0)) return false;
  frames_.push_back(std::move(frame));
  return true;
}

bool DocumentBuilder::end() {
  if (skipping_ > 0) {
    if (--skipping_ == 0) frames_.back().has_key = false;
    return true;
  }
  const bool was_items_list = is_items_list(frames_.size() - 1);
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  for (json::value& from : frame.merges) {
    if (!merge(frame.container.get_object(), std::move(from))) return false;
  }
  if (was_items_list) {
    // What the elements cost was their own affair. An alias could not bring them back.
    nodes_ = frame.nodes_before + 1;
    bytes_ = frame.bytes_before;
  } else if (!frame.anchor.empty() && !frames_.empty()) {
    if (!remember(frame.anchor, {frame.container, nodes_ - frame.nodes_before,
                                 bytes_ - frame.bytes_before, frame.height})) {
      return false;
    }
  }
  return add(frame.mark, std::move(frame.container), frame.height);
}

bool DocumentBuilder::key(Mark mark, std::string_view text) {
  if (skipping_ > 0) return true;
  Frame& frame = frames_.back();
  json::object& mapping = frame.container.get_object();
  if (mapping.contains(text)) {
    std::string what = "the key " + quoted(text) + " stands twice in one mapping";
    if (repeated_ == nullptr) return fail(std::move(what));
    repeated_->push_back({mark, std::move(what)});
    mapping.erase(text);
  }
  next_anchor_.clear();  // an anchor on a key names nothing that a manifest could mean
  frame.key = text;
  frame.has_key = true;
  frame.is_merge = false;
  return spend(1, text.size());
}

bool DocumentBuilder::merge_key(Mark) {
  if (skipping_ > 0) return true;
  Frame& frame = frames_.back();
  next_anchor_.clear();
  frame.key.clear();
  frame.has_key = frame.is_merge = true;
  return spend(1, 0);
}

bool DocumentBuilder::scalar(Mark mark, json::value&& value) {
  if (skipping_ > 0) return true;
  if (at_managed_fields()) {
    frames_.back().has_key = false;
    return true;
  }
  // Only JSON has them: 1e400. Neither YAML nor Kubernetes could take it back.
  if (value.is_double() && !std::isfinite(value.get_double())) {
    return fail("the number is too large");
  }
  if (frames_.size() == 2 && is_items_list(1)) nodes_ = bytes_ = 0;
  const std::size_t bytes = value.is_string() ? value.get_string().size() : 0;
  if (!spend(1, bytes)) return false;
  if (!next_anchor_.empty()) {
    if (!remember(std::exchange(next_anchor_, {}), {value, 1, bytes, 0})) return false;
  }
  return add(mark, std::move(value), 0);
}

bool DocumentBuilder::remember(const std::string& anchor, Anchored anchored) {
  anchored_nodes_ += anchored.nodes;
  anchored_bytes_ += anchored.bytes;
  if (anchored_nodes_ > limits_.nodes || anchored_bytes_ > limits_.bytes) {
    return fail(
        "the anchors of this document hold too much; write out what their aliases stand for");
  }
  if (!spend_on_copy(anchored.nodes, anchored.bytes)) return false;
  anchors_.insert_or_assign(anchor, std::move(anchored));
  return true;
}

bool DocumentBuilder::alias(Mark mark, std::string_view name) {
  if (skipping_ > 0) return true;
  if (at_managed_fields()) {
    frames_.back().has_key = false;
    return true;
  }
  const auto found = anchors_.find(std::string(name));
  if (found == anchors_.end()) {
    return fail("the alias *" + std::string(name) + " refers to no anchor before it");
  }
  const Anchored& anchored = found->second;
  if (frames_.size() == 2 && is_items_list(1)) nodes_ = bytes_ = 0;
  // Counted before it is copied: this is what stops a "billion laughs".
  if (!spend(anchored.nodes, anchored.bytes)) return false;
  if (!spend_on_copy(anchored.nodes, anchored.bytes)) return false;
  if (frames_.size() + anchored.height > limits_.depth) return fail_depth();
  return add(mark, json::value(anchored.value), anchored.height);
}

bool DocumentBuilder::hand_over(Mark mark, json::value&& value, std::optional<std::size_t> item,
                                const json::value* list) {
  constexpr std::size_t kNode = 16;
  if (!value.is_null()) {
    take_(Document{std::move(value), number_, item, mark, list, bytes_ + nodes_ * kNode});
  }
  return true;
}

/// Elements of an "items" that came as a whole, by alias or merge key.
void DocumentBuilder::hand_over_items(Mark mark, json::value& root) {
  json::object* object = root.if_object();
  json::value* items = object == nullptr ? nullptr : object->if_contains("items");
  json::array* list = items == nullptr ? nullptr : items->if_array();
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) hand_over(mark, std::move((*list)[i]), i, &root);
  list->clear();
}

bool DocumentBuilder::add(Mark mark, json::value&& value, std::size_t height) {
  if (frames_.empty()) {
    hand_over_items(mark, value);
    return hand_over(mark, std::move(value), std::nullopt);
  }
  Frame& frame = frames_.back();
  frame.height = std::max(frame.height, height + 1);
  if (is_items_list(frames_.size() - 1)) {
    return hand_over(mark, std::move(value), frame.elements++, &frames_[0].container);
  }
  if (frame.container.is_array()) {
    frame.container.get_array().push_back(std::move(value));
    return true;
  }
  frame.has_key = false;
  if (frame.is_merge) {
    frame.merges.push_back(std::move(value));
  } else {
    frame.container.get_object().emplace(frame.key, std::move(value));
  }
  return true;
}

/// YAML's merge key: takes the keys of a mapping, or of a list of mappings, that are not there yet.
bool DocumentBuilder::merge(json::object& into, json::value&& from) {
  if (json::array* list = from.if_array()) {
    for (json::value& each : *list) {
      if (!each.is_object()) return fail("<< takes a mapping, or a list of mappings");
      if (!merge(into, std::move(each))) return false;
    }
    return true;
  }
  json::object* object = from.if_object();
  if (object == nullptr) return fail("<< takes a mapping, or a list of mappings");
  for (auto& pair : *object) {
    if (!into.contains(pair.key())) into.emplace(pair.key(), std::move(pair.value()));
  }
  return true;
}

}  // namespace wherry::document
