#include "watcher/api/list_reader.h"

#include "base/document/field_reader.h"
#include "base/log.h"

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <array>
#include <utility>

namespace wherry::api {
namespace {

namespace json = boost::json;
using document::Document;
using document::FieldReader;

const json::value* member(const json::value& value, std::string_view key) {
  const json::object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string_view string_at(const json::value& value, std::string_view key) {
  const json::value* found = member(value, key);
  const json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

ApiFailure malformed(const std::string& what) { return {ApiErrc::Malformed, "the answer " + what}; }

ApiFailure unexpected(std::string what) { return {ApiErrc::UnexpectedAnswer, std::move(what)}; }

std::optional<WatchEvent::Type> type_of(std::string_view name) {
  using Type = WatchEvent::Type;
  constexpr std::array<std::pair<std::string_view, Type>, 4> kTypes = {
      {{"ADDED", Type::Added},
       {"MODIFIED", Type::Modified},
       {"DELETED", Type::Deleted},
       {"BOOKMARK", Type::Bookmark}}};
  for (const auto& [word, type] : kTypes) {
    if (word == name) return type;
  }
  return std::nullopt;
}

}  // namespace

document::Limits object_limits() { return {.depth = 64, .nodes = 250'000, .bytes = 8u << 20}; }

ListReader::ListReader(const Resource& resource, ListWatch::TakeItem take)
    : kind_(resource.kind + "List"),
      take_(std::move(take)),
      stream_(object_limits(), document::JsonStream::Shape::Documents,
              [this](Document&& document) { this->take(std::move(document)); }) {}

void ListReader::feed(std::string_view bytes) {
  if (failure_) return;
  if (const auto wrong = stream_.feed(bytes); wrong && !failure_) failure_ = malformed(*wrong);
}

void ListReader::take(Document&& document) {
  if (failure_) return;
  if (!document.item) return take_envelope(document.value);
  if (document.list != nullptr && !check_kind(*document.list)) return;
  if (!take_(std::move(document.value), document.bytes)) {
    failure_ = too_large();
  }
}

/// A23. Where the kind stands after the items it is looked at in the end.
bool ListReader::check_kind(const json::value& list) {
  const std::string_view kind = string_at(list, "kind");
  if (kind.empty() || kind == kind_) return true;
  failure_ = unexpected("the API server answers with a " + std::string(kind.substr(0, 100)) +
                        " where a " + kind_ + " was asked for");
  return false;
}

void ListReader::take_envelope(const json::value& value) {
  if (page_) {
    failure_ = malformed("holds more than one list");
    return;
  }
  if (!value.is_object() || string_at(value, "kind").empty()) {
    failure_ = unexpected("the API server's answer is no " + kind_);
    return;
  }
  if (string_at(value, "kind") == "Status") {
    document::FieldFaults ignored;
    failure_ = failure_of_status(FieldReader(value, ignored));
    return;
  }
  if (!check_kind(value)) return;
  ListPage page;
  if (const json::value* metadata = member(value, "metadata")) {
    page.resource_version = string_at(*metadata, "resourceVersion");
    page.continue_token = string_at(*metadata, "continue");
  }
  if (page.resource_version.empty()) {
    failure_ = unexpected("the API server's " + kind_ + " has no resourceVersion");
    return;
  }
  page_ = std::move(page);
}

ApiResult<ListPage> ListReader::finish() {
  if (failure_) return *failure_;
  if (!page_ || !stream_.between_values()) return malformed("ends within a value");
  return *page_;
}

WatchReader::WatchReader()
    : stream_(object_limits(), document::JsonStream::Shape::WatchEvents,
              [this](Document&& document) { take(std::move(document)); }) {}

void WatchReader::feed(std::string_view bytes) {
  if (failure_) return;
  if (const auto wrong = stream_.feed(bytes); wrong && !failure_) failure_ = malformed(*wrong);
}

void WatchReader::take(Document&& document) {
  if (failure_) return;
  const std::string_view name = string_at(document.value, "type");
  json::object* event = document.value.if_object();
  json::value* object = event == nullptr ? nullptr : event->if_contains("object");
  if (name == "ERROR") {
    document::FieldFaults ignored;
    const json::value none = json::object();
    failure_ = failure_of_status(FieldReader(object == nullptr ? none : *object, ignored));
    return;
  }
  const auto type = type_of(name);
  if (!type || object == nullptr || !object->is_object()) {
    log::debug("an event that is none is ignored", {{"type", name.substr(0, 100)}});
    return;
  }
  events_.push_back({*type, std::move(*object), document.bytes});
}

std::optional<WatchEvent> WatchReader::next() {
  if (events_.empty()) return std::nullopt;
  WatchEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace wherry::api
