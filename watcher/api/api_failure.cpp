#include "watcher/api/api_failure.h"

#include "base/document/read_documents.h"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <boost/throw_exception.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace wherry::api {
namespace {

namespace asio_error = boost::asio::error;
namespace errc = boost::system::errc;
using document::FieldReader;

ApiErrc code_of_status(int status) {
  switch (status) {
    case 401:
      return ApiErrc::Unauthorized;
    case 403:
      return ApiErrc::Forbidden;
    case 404:
      return ApiErrc::NotFound;
    case 410:
      return ApiErrc::Gone;
    case 429:
      return ApiErrc::TooManyRequests;
    default:
      break;
  }
  if (status >= 500) return ApiErrc::ServerError;
  return status >= 400 ? ApiErrc::BadRequest : ApiErrc::UnexpectedAnswer;
}

/// The two reasons decide where the code says less: an API server wraps a version that is too large
/// into a timeout (504), and says "Expired" of a continue token with 410.
ApiErrc code_of_reason(int status, std::string_view reason, bool too_large) {
  if (too_large) return ApiErrc::VersionTooLarge;
  if (reason == "Expired" || reason == "Gone") return ApiErrc::Gone;
  return code_of_status(status);
}

bool has_cause(const FieldReader& details, std::string_view wanted) {
  bool found = false;
  details.each("causes", [&](const FieldReader& cause) {
    if (cause.present() && cause.value()->is_object()) {
      found = found || cause.string("reason") == wanted;
    }
  });
  return found;
}

}  // namespace

std::string_view to_string(ApiErrc code) noexcept {
  switch (code) {
    case ApiErrc::Unauthorized:
      return "unauthorized";
    case ApiErrc::Forbidden:
      return "forbidden";
    case ApiErrc::NotFound:
      return "not_found";
    case ApiErrc::BadRequest:
      return "bad_request";
    case ApiErrc::Gone:
      return "gone";
    case ApiErrc::VersionTooLarge:
      return "version_too_large";
    case ApiErrc::TooManyRequests:
      return "too_many_requests";
    case ApiErrc::ServerError:
      return "server_error";
    case ApiErrc::UnexpectedAnswer:
      return "unexpected_answer";
    case ApiErrc::Ended:
      return "ended";
    case ApiErrc::VeryShortWatch:
      return "very_short_watch";
    case ApiErrc::Refused:
      return "refused";
    case ApiErrc::Unreachable:
      return "unreachable";
    case ApiErrc::Timeout:
      return "timeout";
    case ApiErrc::Silent:
      return "silent";
    case ApiErrc::Reset:
      return "reset";
    case ApiErrc::Tls:
      return "tls";
    case ApiErrc::Proxy:
      return "proxy";
    case ApiErrc::Malformed:
      return "malformed";
    case ApiErrc::TooLarge:
      return "too_large";
    case ApiErrc::Credentials:
      return "credentials";
    case ApiErrc::Stopped:
      return "stopped";
  }
  return "?";
}

ApiFailure failure_of_status(const FieldReader& status, int otherwise) {
  ApiFailure failure;
  failure.status = static_cast<int>(
      std::clamp<std::int64_t>(status.integer("code").value_or(otherwise), 100, 599));
  const std::string reason = status.string("reason");
  failure.text = status.string("message");
  if (failure.text.empty()) failure.text = reason;
  const FieldReader details = status.at("details");
  bool too_large = false;
  if (details.present() && details.value()->is_object()) {
    too_large = has_cause(details, "ResourceVersionTooLarge");
    if (const auto seconds = details.integer("retryAfterSeconds"); seconds && *seconds > 0) {
      failure.retry_after = std::chrono::seconds(std::min<std::int64_t>(*seconds, 3600));
    }
  }
  // Before the cause was there (1.17), servers said it in words.
  too_large = too_large || failure.text.find("Too large resource version") != std::string::npos;
  failure.code = code_of_reason(failure.status, reason, too_large);
  return failure;
}

ApiFailure failure_of_answer(int http_status, std::string_view body,
                             std::optional<Duration> retry_after) {
  ApiFailure failure{code_of_status(http_status), {}, retry_after, http_status};
  document::FieldFaults ignored;
  const auto take = [&](document::Document&& each) {
    const FieldReader root(each.value, ignored);
    if (!each.value.is_object() || root.string("kind") != "Status") return;
    failure = failure_of_status(root, http_status);
    failure.status = http_status;
    if (retry_after) failure.retry_after = retry_after;
  };
  const document::Limits limits{.depth = 16, .nodes = 1000, .bytes = 1u << 16};
  const bool is_json = !body.empty() && body.front() == '{' &&
                       !document::read_documents(body, document::Expect::Json, limits, take);
  if (failure.text.empty()) {
    failure.text = "the answer is " + std::to_string(http_status);
    if (!is_json && !body.empty()) failure.text += ": " + std::string(body.substr(0, 200));
  }
  return failure;
}

ApiFailure failure_of_system(const error_code& error, std::string_view doing) {
  ApiFailure failure;
  failure.text = std::string(doing) + ": " + error.message();
  if (error == asio_error::connection_refused) {
    failure.code = ApiErrc::Refused;
  } else if (error == asio_error::timed_out) {
    failure.code = ApiErrc::Timeout;
  } else if (error == asio_error::host_unreachable || error == asio_error::network_unreachable ||
             error == errc::address_not_available || error == asio_error::host_not_found ||
             error == asio_error::host_not_found_try_again || error == asio_error::no_data ||
             error == asio_error::no_recovery || error == asio_error::service_not_found ||
             error == errc::network_down) {
    failure.code = ApiErrc::Unreachable;
  } else {
    failure.code = ApiErrc::Reset;
  }
  return failure;
}

void throw_exception_from_error(const ApiFailure& failure, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(failure.text), where);
}

std::optional<Duration> parse_retry_after(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(std::min<std::uint32_t>(seconds, 3600));
}

}  // namespace wherry::api
