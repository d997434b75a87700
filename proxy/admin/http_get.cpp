#include "proxy/admin/http_get.h"

#include "base/async/asio.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <tuple>

namespace wherry::admin {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

/// Large enough for the tables of the largest clusters; a bound nevertheless.
constexpr std::uint64_t kLargestBody = 1u << 30;

asio::awaitable<Result<HttpAnswer>> exchange(asio::io_context& loop, SocketAddress address,
                                             std::string target, Duration timeout) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  beast::tcp_stream stream(loop);
  stream.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout));
  const tcp::endpoint endpoint(asio::ip::make_address(address.ip.to_string()), address.port);
  const auto [connect_error] = co_await stream.async_connect(endpoint, token);
  if (connect_error) co_return connect_error;

  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, address.to_string());
  request.set(http::field::user_agent, "wherry");
  request.keep_alive(false);
  error_code error;
  std::tie(error, std::ignore) = co_await http::async_write(stream, request, token);
  if (error) co_return error;

  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestBody);
  beast::flat_buffer buffer;
  std::tie(error, std::ignore) = co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return error;
  auto response = parser.release();
  co_return HttpAnswer{static_cast<int>(response.result_int()), std::move(response.body())};
}

}  // namespace

Result<HttpAnswer> http_get(const SocketAddress& address, const std::string& target,
                            Duration timeout) {
  asio::io_context loop(1);
  std::optional<Result<HttpAnswer>> answer;
  asio::co_spawn(loop, exchange(loop, address, target, timeout),
                 [&answer](const std::exception_ptr& escaped, Result<HttpAnswer> result) {
                   if (escaped) std::rethrow_exception(escaped);
                   answer = std::move(result);
                 });
  loop.run();
  return std::move(*answer);
}

}  // namespace wherry::admin
