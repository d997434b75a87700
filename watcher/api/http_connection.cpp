#include "watcher/api/http_connection.h"

#include "watcher/api/gunzip.h"
#include "watcher/api/tls.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <utility>

namespace wherry::api {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

/// An API server's heads take a few hundred bytes.
constexpr std::uint32_t kLargestHead = 64u << 10;
constexpr std::size_t kReadSize = 64u << 10;
/// Of a packed body, which unpacks to a thousand times as much at most: 4 MiB, after which whoever
/// takes it may say no.
constexpr std::size_t kPackedSize = 4u << 10;

ApiFailure malformed(const std::string& what) {
  return {ApiErrc::Malformed, "the answer is no HTTP: " + what};
}

}  // namespace

struct HttpConnection::State {
  State(std::unique_ptr<Transport> lower, Timers& time, std::string name)
      : transport(std::move(lower)), timers(time), peer(std::move(name)) {}

  using Parser = http::response_parser<http::buffer_body>;

  std::unique_ptr<Transport> transport;
  Timers& timers;
  std::string peer;
  beast::flat_buffer buffer{kLargestHead + kReadSize};
  std::optional<Parser> parser;
  std::unique_ptr<Gunzip> gunzip;
  std::array<char, kReadSize> body{};
  bool answered = false;
  bool broken = false;
  bool at_end = false;  ///< the server has ended the connection

  void begin_answer() {
    parser.emplace();
    parser->header_limit(kLargestHead);
    parser->body_limit(boost::none);
    parser->eager(true);
    parser->get().body().data = nullptr;
    parser->get().body().size = 0;
    parser->get().body().more = true;
    gunzip.reset();
  }

  /// Whatever goes wrong breaks the connection.
  ApiFailure broke(ApiFailure failure) {
    broken = true;
    return failure;
  }

  /// `deadline` closes the transport when it passes.
  asio::awaitable<std::optional<ApiFailure>> fill(const Deadline* deadline, ApiErrc when_over) {
    // Something that is parsed in no size at all would fill the buffer.
    if (buffer.size() >= kLargestHead) {
      co_return broke({ApiErrc::TooLarge, "the answer's head is larger than 64 KiB"});
    }
    const auto space = buffer.prepare(kReadSize);
    const std::span<char> into(static_cast<char*>(space.data()), space.size());
    const Result<std::size_t> size = co_await transport->read_some(into);
    if (size) {
      answered = true;
      buffer.commit(*size);
      co_return std::nullopt;
    }
    if (deadline->has_passed()) {
      co_return broke(
          {when_over, peer + (when_over == ApiErrc::Silent ? " has said nothing for too long"
                                                           : " does not answer in time")});
    }
    if (size.error() == asio::error::eof) {
      at_end = true;
      co_return std::nullopt;
    }
    co_return broke(failure_of_transport(size.error(), peer));
  }

  /// Feeds the parser with what is there; whether it got further.
  ApiResult<bool> parse() {
    error_code error;
    const std::size_t size = parser->put(buffer.data(), error);
    buffer.consume(size);
    if (error == http::error::need_buffer) error = {};
    if (error == http::error::need_more) return false;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return broke({ApiErrc::TooLarge, "the answer's head is larger than 64 KiB"});
    }
    if (error) return broke(malformed(error.message()));
    return size > 0;
  }

  [[nodiscard]] HttpHead head() const {
    const auto& message = parser->get();
    HttpHead head;
    head.status = static_cast<int>(message.result_int());
    head.content_type = message[http::field::content_type];
    head.location = message[http::field::location];
    head.retry_after = parse_retry_after(message[http::field::retry_after]);
    return head;
  }
};

HttpConnection::HttpConnection(std::unique_ptr<Transport> transport, Timers& timers,
                               std::string peer)
    : state_(std::make_unique<State>(std::move(transport), timers, std::move(peer))) {}

HttpConnection::~HttpConnection() = default;

asio::awaitable<ApiResult<HttpHead>> HttpConnection::send(HttpRequest request, Duration timeout) {
  State& state = *state_;
  state.answered = false;
  std::string text;
  // No copies of the credentials are left by growing.
  text.reserve(1024 + request.target.size() + request.headers.view().size() + request.body.size());
  text += request.method + ' ' + request.target + " HTTP/1.1\r\nHost: " + request.host +
          "\r\nUser-Agent: " + request.user_agent + "\r\nAccept: application/json\r\n";
  if (request.gzip) text += "Accept-Encoding: gzip\r\n";
  if (!request.content_type.empty()) {
    text += "Content-Type: " + request.content_type +
            "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  text += request.headers.view();
  text += "\r\n";
  text += request.body;
  // For all of it: a head that comes byte by byte comes in time or not at all.
  const Deadline deadline(state.timers, timeout, *state.transport);
  const error_code error = co_await state.transport->write(text);
  wipe(text);
  if (error) {
    co_return state.broke(
        deadline.has_passed()
            ? ApiFailure{ApiErrc::Timeout, state.peer + " takes no request in time"}
            : failure_of_transport(error, state.peer));
  }
  state.begin_answer();
  while (!state.parser->is_header_done()) {
    if (state.buffer.size() > 0) {
      const auto parsed = state.parse();
      if (!parsed) co_return parsed.error();
      if (state.parser->is_header_done()) {
        // 1xx says that the answer is still to come.
        if (state.parser->get().result_int() / 100 != 1) break;
        state.begin_answer();
        continue;
      }
      if (*parsed) continue;
    }
    if (auto failure = co_await state.fill(&deadline, ApiErrc::Timeout)) co_return *failure;
    if (state.at_end) {
      co_return state.broke(
          {ApiErrc::Reset, state.peer + " ends the connection without an answer"});
    }
  }
  const std::string_view encoding = state.parser->get()[http::field::content_encoding];
  if (encoding == "gzip") {
    state.gunzip = std::make_unique<Gunzip>();
  } else if (!encoding.empty() && encoding != "identity") {
    co_return state.broke(malformed("its Content-Encoding is " +
                                    std::string(encoding.substr(0, 50)) +
                                    ", which was not asked for"));
  }
  co_return state.head();
}

asio::awaitable<ApiResult<bool>> HttpConnection::read_body(
    Duration silence, std::function<void(std::string_view)> take) {
  State& state = *state_;
  const Deadline deadline(state.timers, silence, *state.transport);
  for (;;) {
    if (state.parser->is_done()) {
      if (state.gunzip && !state.gunzip->is_complete()) {
        co_return state.broke({ApiErrc::Reset, "the answer ends within its gzip"});
      }
      co_return false;
    }
    auto& body = state.parser->get().body();
    body.data = state.body.data();
    const std::size_t room = state.gunzip ? kPackedSize : state.body.size();
    body.size = room;
    bool got_further = false;
    if (state.buffer.size() > 0) {
      const auto parsed = state.parse();
      if (!parsed) co_return parsed.error();
      got_further = *parsed;
    } else if (state.at_end) {
      error_code error;
      state.parser->put_eof(error);
      if (error) {
        co_return state.broke(
            {ApiErrc::Reset, state.peer + " ends the connection within an answer"});
      }
      continue;
    }
    const std::size_t size = room - body.size;
    if (size > 0) {
      const std::string_view bytes(state.body.data(), size);
      if (!state.gunzip) {
        take(bytes);
      } else if (auto wrong = state.gunzip->feed(bytes, take)) {
        co_return state.broke(malformed("its body " + *wrong));
      }
      co_return true;
    }
    if (got_further) continue;
    if (state.at_end) {
      co_return state.broke({ApiErrc::Reset, state.peer + " ends the connection within an answer"});
    }
    if (auto failure = co_await state.fill(&deadline, ApiErrc::Silent)) co_return *failure;
  }
}

bool HttpConnection::reusable() const noexcept {
  const State& state = *state_;
  if (state.broken || state.at_end) return false;
  return !state.parser || (state.parser->is_done() && state.parser->keep_alive());
}

bool HttpConnection::has_answered() const noexcept { return state_->answered; }

void HttpConnection::close() noexcept {
  state_->broken = true;
  state_->transport->close();
}

}  // namespace wherry::api
