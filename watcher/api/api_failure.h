#pragma once

#include "base/document/field_reader.h"
#include "base/duration.h"
#include "base/result.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// What went wrong between us and an API server, as far as it decides what to do next.
enum class ApiErrc : std::uint8_t {
  // What the server said.
  Unauthorized,      ///< 401
  Forbidden,         ///< 403
  NotFound,          ///< 404
  BadRequest,        ///< another 4xx: it does not know what we ask for
  Gone,              ///< 410: the version is compacted away (A10)
  VersionTooLarge,   ///< it has not come to the version yet that we ask for (A11)
  TooManyRequests,   ///< 429 (A12)
  ServerError,       ///< 5xx
  UnexpectedAnswer,  ///< a redirect, a Table, another kind than asked for (A23)
  // What the connection did.
  Ended,           ///< the server closed the watch in good order (A15)
  VeryShortWatch,  ///< the same within a second and without an event (A15)
  Refused,         ///< nobody listens there
  Unreachable,     ///< no route, no such host
  Timeout,         ///< no answer in time
  Silent,          ///< neither event nor bookmark for longer than a living watch is silent (A17)
  Reset,           ///< cut, or ended within an answer
  Tls,             ///< the handshake failed; the text says how
  Proxy,           ///< the proxy on the way did not let us through
  // What is on our side.
  Malformed,    ///< the answer is no HTTP or no JSON
  TooLarge,     ///< the answer goes past a limit
  Credentials,  ///< they can't be had: a file, a plugin
  Stopped,      ///< we were asked to stop
};

/// "unauthorized", "gone", ...: for logs.
[[nodiscard]] std::string_view to_string(ApiErrc code) noexcept;

/// Why something could not be had from an API server.
struct ApiFailure {
  ApiErrc code = ApiErrc::Malformed;
  std::string text{};                     ///< for people: what the server or the system said
  std::optional<Duration> retry_after{};  ///< what the server asked for
  int status = 0;                         ///< of HTTP; 0 where there was no answer
};

/// What everybody says who was asked to stop.
[[nodiscard]] inline ApiFailure stopped() { return {ApiErrc::Stopped}; }
/// More than the limits on what is held.
[[nodiscard]] inline ApiFailure too_large() {
  return {ApiErrc::TooLarge, "the collection is larger than wherry takes"};
}

template <class T>
using ApiResult = boost::system::result<T, ApiFailure>;

/// What a Status object means (the body of an error, the object of an ERROR event); one without a
/// code means `otherwise`.
[[nodiscard]] ApiFailure failure_of_status(const document::FieldReader& status,
                                           int otherwise = 500);

/// What an HTTP answer other than 200 means, by its code and, where it is a Status, its body.
[[nodiscard]] ApiFailure failure_of_answer(int http_status, std::string_view body,
                                           std::optional<Duration> retry_after);

/// What an error of a socket, a resolver or the system means.
[[nodiscard]] ApiFailure failure_of_system(const error_code& error, std::string_view doing);

/// The value of a Retry-After header: seconds; dates are not sent by API servers.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view text);

/// For boost::system::result: what value() throws where there is none, which is a bug of ours.
[[noreturn]] void throw_exception_from_error(const ApiFailure& failure,
                                             const boost::source_location& where);

}  // namespace wherry::api
