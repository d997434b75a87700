#include "base/document/locate.h"

#include "base/document/json_text.h"
#include "base/document/yaml_events.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace wherry::document {
namespace {

/// Finds values in one pass over a text, whatever its grammar and however it tells positions. The
/// paths form a tree, so that a value costs the same however many are looked for.
template <class Position>
class PathTracker {
 public:
  explicit PathTracker(const std::vector<Where>& values) {
    for (const Where& value : values) {
      Node* node = &documents_[value.number];
      for (const PathStep& step : value.path.steps) {
        std::unique_ptr<Node>& below = node->below[step];
        if (!below) below = std::make_unique<Node>();
        node = below.get();
      }
    }
  }

  void begin_document() { number_ = number_ ? *number_ + 1 : 0; }

  void begin_container(Position at, bool is_mapping) {
    Node* const node = begin_value(at);
    frames_.push_back(
        {node, is_mapping, false, is_mapping ? PathStep() : PathStep(std::size_t{0})});
  }

  void end_container() {
    frames_.pop_back();
    end_value();
  }

  [[nodiscard]] bool wants_key() const {
    return !frames_.empty() && frames_.back().is_mapping && !frames_.back().has_key;
  }

  void key(std::string_view text) {
    frames_.back().has_key = true;
    if (frames_.back().node != nullptr) frames_.back().step = std::string(text);
  }

  void scalar(Position at) {
    begin_value(at);
    end_value();
  }

  /// Where this value starts, or its deepest ancestor that was met; nothing if there was no
  /// document.
  [[nodiscard]] std::optional<Position> position_of(const Where& value) const {
    const Node* node = &documents_.at(value.number);
    std::optional<Position> best = node->at;
    for (const PathStep& step : value.path.steps) {
      node = node->below.at(step).get();
      if (!node->at) break;
      best = node->at;
    }
    return best;
  }

 private:
  struct Node {
    std::map<PathStep, std::unique_ptr<Node>> below;
    std::optional<Position> at;
  };
  struct Frame {
    Node* node;  ///< nullptr if nothing in this container is looked for
    bool is_mapping;
    bool has_key;
    PathStep step;  ///< to the value that comes next; kept only if there is a node
  };

  Node* begin_value(Position at) {
    Node* node = nullptr;
    if (frames_.empty()) {
      const auto found = documents_.find(number_.value_or(0));
      if (found != documents_.end()) node = &found->second;
    } else if (Frame& frame = frames_.back(); frame.node != nullptr) {
      const auto found = frame.node->below.find(frame.step);
      if (found != frame.node->below.end()) node = found->second.get();
    }
    if (node != nullptr) node->at = at;
    return node;
  }

  void end_value() {
    if (frames_.empty()) return;
    Frame& frame = frames_.back();
    if (frame.is_mapping) {
      frame.has_key = false;
    } else if (auto* index = std::get_if<std::size_t>(&frame.step)) {
      ++*index;
    }
  }

  std::map<std::size_t, Node> documents_;
  std::vector<Frame> frames_;
  std::optional<std::size_t> number_;  ///< of the document under way
};

void follow(const yaml_event_t& event, PathTracker<Mark>& tracker) {
  const Mark mark = YamlEvents::mark_of(event.start_mark);
  switch (event.type) {
    case YAML_DOCUMENT_START_EVENT:
      return tracker.begin_document();
    case YAML_MAPPING_START_EVENT:
      return tracker.begin_container(mark, true);
    case YAML_SEQUENCE_START_EVENT:
      return tracker.begin_container(mark, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
      return tracker.end_container();
    case YAML_ALIAS_EVENT:
      return tracker.scalar(mark);
    case YAML_SCALAR_EVENT:
      if (!tracker.wants_key()) return tracker.scalar(mark);
      return tracker.key(
          {reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length});
    default:
      return;
  }
}

std::vector<Mark> locate_in_yaml(std::string_view text, const std::vector<Where>& values) {
  PathTracker<Mark> tracker(values);
  YamlEvents events(text);
  while (const yaml_event_t* event = events.next()) follow(*event, tracker);
  std::vector<Mark> marks;
  for (const Where& value : values) marks.push_back(tracker.position_of(value).value_or(Mark{}));
  return marks;
}

class JsonTracker final : public JsonVisitor {
 public:
  explicit JsonTracker(const std::vector<Where>& values) : tracker_(values) {}

  void begin_document() override { tracker_.begin_document(); }
  void begin_container(std::size_t at, bool is_mapping) override {
    tracker_.begin_container(at, is_mapping);
  }
  void end_container() override { tracker_.end_container(); }
  [[nodiscard]] bool wants_key() const override { return tracker_.wants_key(); }
  void key(std::string_view text) override { tracker_.key(text); }
  void scalar(std::size_t at) override { tracker_.scalar(at); }

  [[nodiscard]] std::size_t offset_of(const Where& value) const {
    return tracker_.position_of(value).value_or(0);
  }

 private:
  PathTracker<std::size_t> tracker_;
};

std::vector<Mark> locate_in_json(std::string_view text, const std::vector<Where>& values) {
  JsonTracker tracker(values);
  walk_json(text, tracker);
  std::vector<Mark> marks;
  for (const Where& value : values) marks.push_back(mark_at(text, tracker.offset_of(value)));
  return marks;
}

}  // namespace

std::vector<Mark> locate(std::string_view text, const std::vector<Where>& values) {
  text = without_byte_order_mark(text);
  const bool is_json = looks_like_json(text) && !check_json(text, Limits{});
  return is_json ? locate_in_json(text, values) : locate_in_yaml(text, values);
}

}  // namespace wherry::document
