#include "base/document/write_yaml.h"

#include "base/document/yaml_scalar.h"
#include "base/utf8.h"

#include <boost/json/serialize.hpp>
#include <yaml.h>

#include <new>

namespace wherry::document {
namespace {

namespace json = boost::json;

/// "2026-11-24", with or without a time after it.
bool begins_with_a_date(std::string_view text) {
  const auto digits = [&text](std::size_t from, std::size_t count) {
    return text.size() >= from + count &&
           text.substr(from, count).find_first_not_of("0123456789") == std::string_view::npos;
  };
  return digits(0, 4) && text.substr(4, 1) == "-" && digits(5, 1);
}

class Emitter {
 public:
  Emitter() {
    if (yaml_emitter_initialize(&emitter_) == 0) throw std::bad_alloc();
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_width(&emitter_, -1);
    yaml_emitter_set_output(&emitter_, &Emitter::append, &text_);
  }
  ~Emitter() { yaml_emitter_delete(&emitter_); }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  std::string document(const json::value& value) {
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1);
    emit(event);
    node(value);
    yaml_document_end_event_initialize(&event, 1);
    emit(event);
    yaml_stream_end_event_initialize(&event);
    emit(event);
    return std::move(text_);
  }

 private:
  static int append(void* text, unsigned char* bytes, std::size_t size) {
    static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), size);
    return 1;
  }

  void emit(yaml_event_t& event) {
    // Fails only for want of memory: the sequence of events is right by construction.
    if (yaml_emitter_emit(&emitter_, &event) == 0) throw std::bad_alloc();
  }

  void scalar(std::string_view text, yaml_scalar_style_t style) {
    yaml_event_t event;
    if (yaml_scalar_event_initialize(&event, nullptr, nullptr,
                                     reinterpret_cast<const yaml_char_t*>(text.data()),
                                     static_cast<int>(text.size()), 1, 1, style) == 0) {
      throw std::bad_alloc();
    }
    emit(event);
  }

  void string(std::string_view text) {
    // "<<" as a key would merge; a date is a time for readers that know YAML 1.1's whole list.
    const bool plain_stays_string =
        resolve_plain_scalar(text).is_string() && text != "<<" && !begins_with_a_date(text);
    // libyaml refuses to emit what is no UTF-8.
    scalar(valid_utf8(text),
           plain_stays_string ? YAML_ANY_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  }

  void node(const json::value& value) {
    yaml_event_t event;
    if (const json::object* object = value.if_object()) {
      yaml_mapping_start_event_initialize(
          &event, nullptr, nullptr, 1,
          object->empty() ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE);
      emit(event);
      for (const auto& [key, member] : *object) {
        string(key);
        node(member);
      }
      yaml_mapping_end_event_initialize(&event);
      emit(event);
    } else if (const json::array* array = value.if_array()) {
      yaml_sequence_start_event_initialize(
          &event, nullptr, nullptr, 1,
          array->empty() ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);
      emit(event);
      for (const json::value& element : *array) node(element);
      yaml_sequence_end_event_initialize(&event);
      emit(event);
    } else if (const json::string* text = value.if_string()) {
      string(*text);
    } else {
      scalar(json::serialize(value), YAML_PLAIN_SCALAR_STYLE);
    }
  }

  yaml_emitter_t emitter_{};
  std::string text_;
};

}  // namespace

std::string write_yaml(const json::value& value) { return Emitter().document(value); }

}  // namespace wherry::document
