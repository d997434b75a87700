#include "base/document/json_stream.h"

#include "base/document/document_builder.h"
#include "base/document/json_events.h"

#include <boost/json/basic_parser_impl.hpp>

#include <utility>

namespace wherry::document {

namespace json = boost::json;

namespace {

json::parse_options options_of(const Limits& limits) {
  json::parse_options options;
  options.max_depth = limits.depth;
  return options;
}

}  // namespace

struct JsonStream::State {
  State(const Limits& limits, Shape shape, std::function<void(Document&&)> to)
      : take(std::move(to)), builder(limits, take, shape), parser(options_of(limits), builder) {}

  const std::function<void(Document&&)> take;
  DocumentBuilder builder;
  json::basic_parser<JsonEvents> parser;
};

JsonStream::JsonStream(const Limits& limits, Shape shape, std::function<void(Document&&)> take)
    : state_(std::make_unique<State>(limits, shape, std::move(take))) {}

JsonStream::~JsonStream() = default;

std::optional<std::string> JsonStream::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    boost::system::error_code error;
    const std::size_t consumed = state_->parser.write_some(true, bytes.data(), bytes.size(), error);
    if (error) {
      return state_->builder.error().empty() ? "is no JSON: " + error.message()
                                             : state_->builder.error();
    }
    bytes.remove_prefix(consumed);
    // The parser says that a value is over when it sees what comes after it.
    if (state_->parser.done()) state_->parser.reset();
  }
  return std::nullopt;
}

bool JsonStream::between_values() const noexcept { return state_->builder.between_values(); }

}  // namespace wherry::document
