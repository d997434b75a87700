#pragma once

#include "base/document/document_builder.h"

#include <boost/json/basic_parser.hpp>
#include <boost/json/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace wherry::document {

inline constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

/// Hands the events of Boost.JSON's parser to the builder. Private to this folder. Strings arrive
/// in parts where they hold escapes.
struct JsonEvents {
  static constexpr std::size_t max_object_size = kUnlimited;
  static constexpr std::size_t max_array_size = kUnlimited;
  static constexpr std::size_t max_key_size = kUnlimited;
  static constexpr std::size_t max_string_size = kUnlimited;

  explicit JsonEvents(DocumentBuilder& to) : builder(to) {}

  DocumentBuilder& builder;
  std::string text;

  /// JSON's own positions are found afterwards (locate), so the builder gets none.
  static constexpr Mark kNowhere{};

  bool done(bool accepted, boost::system::error_code& ec) {
    if (!accepted)
      ec = boost::json::error::exception;  // any error stops the parser; the builder has the text
    return accepted;
  }
  bool on_document_begin(boost::system::error_code& ec) {
    return done(builder.begin_document(kNowhere), ec);
  }
  bool on_document_end(boost::system::error_code& ec) { return done(builder.end_document(), ec); }
  bool on_object_begin(boost::system::error_code& ec) {
    return done(builder.begin_object(kNowhere), ec);
  }
  bool on_object_end(std::size_t, boost::system::error_code& ec) {
    return done(builder.end_object(), ec);
  }
  bool on_array_begin(boost::system::error_code& ec) {
    return done(builder.begin_array(kNowhere), ec);
  }
  bool on_array_end(std::size_t, boost::system::error_code& ec) {
    return done(builder.end_array(), ec);
  }
  bool on_key_part(boost::json::string_view part, std::size_t, boost::system::error_code& ec) {
    return append(part, ec);
  }
  bool on_key(boost::json::string_view part, std::size_t, boost::system::error_code& ec) {
    if (builder.skips()) return true;
    text.append(part.data(), part.size());
    const bool accepted = builder.key(kNowhere, text);
    text.clear();
    return done(accepted, ec);
  }
  bool on_string_part(boost::json::string_view part, std::size_t, boost::system::error_code& ec) {
    return append(part, ec);
  }
  bool append(boost::json::string_view part, boost::system::error_code& ec) {
    if (builder.skips()) return true;
    text.append(part.data(), part.size());
    return done(builder.allow(text.size()), ec);
  }
  bool on_string(boost::json::string_view part, std::size_t, boost::system::error_code& ec) {
    if (builder.skips()) return true;
    text.append(part.data(), part.size());
    const bool accepted = builder.scalar(kNowhere, boost::json::value(boost::json::string(text)));
    text.clear();
    return done(accepted, ec);
  }
  bool on_number_part(boost::json::string_view, boost::system::error_code&) { return true; }
  bool on_int64(std::int64_t number, boost::json::string_view, boost::system::error_code& ec) {
    return done(builder.scalar(kNowhere, boost::json::value(number)), ec);
  }
  bool on_uint64(std::uint64_t number, boost::json::string_view, boost::system::error_code& ec) {
    return done(builder.scalar(kNowhere, boost::json::value(number)), ec);
  }
  bool on_double(double number, boost::json::string_view, boost::system::error_code& ec) {
    return done(builder.scalar(kNowhere, boost::json::value(number)), ec);
  }
  bool on_bool(bool truth, boost::system::error_code& ec) {
    return done(builder.scalar(kNowhere, boost::json::value(truth)), ec);
  }
  bool on_null(boost::system::error_code& ec) {
    return done(builder.scalar(kNowhere, nullptr), ec);
  }
  bool on_comment_part(boost::json::string_view, boost::system::error_code&) { return true; }
  bool on_comment(boost::json::string_view, boost::system::error_code&) { return true; }
};

}  // namespace wherry::document
