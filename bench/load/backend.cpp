// A stand-in for a pod: tells everybody its name, over HTTP, over plain TCP, and over UDP.
//
//   wherry-backend NAME ADDR:PORT
//
// A client that sends an HTTP request gets an HTTP answer; one that sends anything else, or nothing
// for a moment, gets the name and the end of the connection. Every datagram is answered with the
// name, a colon, and the datagram. Ends on SIGTERM or SIGINT.

#include "base/socket_address.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using namespace asio::experimental::awaitable_operators;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kForTheFirstByte(1000);
constexpr std::chrono::seconds kForTheRest(10);

bool looks_like_http(std::string_view text) {
  for (const std::string_view method : {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS "}) {
    if (text.starts_with(method)) return true;
  }
  return false;
}

std::string http_answer(const std::string& name) {
  const std::string body = name + '\n';
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

/// Reads until the end of a request's header, or of the client's patience.
asio::awaitable<std::string> read_request(tcp::socket& socket) {
  std::string request;
  std::array<char, 4096> buffer{};
  while (request.size() < 65536) {
    asio::steady_timer patience(co_await asio::this_coro::executor);
    if (request.empty()) {
      patience.expires_after(kForTheFirstByte);
    } else {
      patience.expires_after(kForTheRest);
    }
    const auto result = co_await (socket.async_read_some(asio::buffer(buffer), kToken) ||
                                  patience.async_wait(kToken));
    if (result.index() == 1) break;
    const auto& [error, size] = std::get<0>(result);
    if (error) break;
    request.append(buffer.data(), size);
    if (!looks_like_http(request) || request.find("\r\n\r\n") != std::string::npos) break;
  }
  co_return request;
}

asio::awaitable<void> serve(tcp::socket socket, std::string name) {
  const std::string request = co_await read_request(socket);
  const std::string answer = looks_like_http(request) ? http_answer(name) : name + '\n';
  co_await asio::async_write(socket, asio::buffer(answer), kToken);
  boost::system::error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  // What is still on its way is read, so that closing sends no reset after the answer.
  std::array<char, 4096> rest{};
  asio::steady_timer patience(co_await asio::this_coro::executor, std::chrono::seconds(2));
  for (;;) {
    const auto result = co_await (socket.async_read_some(asio::buffer(rest), kToken) ||
                                  patience.async_wait(kToken));
    if (result.index() == 1 || std::get<0>(std::get<0>(result))) co_return;
  }
}

asio::awaitable<void> accept(tcp::acceptor acceptor, std::string name) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kToken);
    if (error) {  // no descriptors, mostly
      asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(10));
      co_await pause.async_wait(kToken);
      continue;
    }
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), name), asio::detached);
  }
}

/// An error is of a client that is gone again, or of a datagram that finds no way: the next one may
/// be well.
asio::awaitable<void> answer(udp::socket socket, std::string name) {
  std::vector<char> question(65536);
  for (;;) {
    udp::endpoint client;
    auto [error, size] = co_await socket.async_receive_from(asio::buffer(question), client, kToken);
    if (error == asio::error::operation_aborted) co_return;
    if (error) continue;
    std::string text = name + ':';
    text.append(question.data(), size);
    // The largest question leaves no room for the name.
    text.resize(std::min<std::size_t>(text.size(), 65507));
    co_await socket.async_send_to(asio::buffer(text), client, kToken);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto address = argc == 3 ? wherry::SocketAddress::parse(argv[2]) : std::nullopt;
  if (!address) {
    std::cerr << "usage: wherry-backend NAME ADDR:PORT\n";
    return 64;
  }
  asio::io_context loop(1);
  asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&loop](const boost::system::error_code&, int) { loop.stop(); });
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(address->ip.to_string()), address->port);
    asio::co_spawn(loop, accept(tcp::acceptor(loop, endpoint), argv[1]), asio::detached);
    const udp::endpoint datagrams(endpoint.address(), endpoint.port());
    asio::co_spawn(loop, answer(udp::socket(loop, datagrams), argv[1]), asio::detached);
  } catch (const boost::system::system_error& error) {
    std::cerr << argv[2] << ": " << error.code().message() << '\n';
    return 69;
  }
  loop.run();
  return 0;
}
