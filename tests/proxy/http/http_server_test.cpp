#include "proxy/http/http_server.h"

#include "tests/support/sockets.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>

namespace wherry::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const SocketAddress kLoopback{IpAddress::loopback(IpFamily::IPv4), 0};

/// What a client sees of hostile requests and of time is tests/proxy/admin/admin_server_test.cpp's.
class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() : thread_([this] { loop_.run(); }) {}
  ~HttpServerTest() override {
    on_loop([this] { server_.stop(); });
    work_.reset();
    thread_.join();
    EXPECT_TRUE(server_.idle());
  }

  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    asio::post(loop_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  /// Opens a port that answers with `body` and the path.
  SocketAddress open(const std::string& body, const SocketAddress& address = kLoopback,
                     Reach reach = Reach::OwnFamily) {
    SocketAddress opened;
    on_loop([&] {
      opened = server_
                   .open(address, reach, at_once([body](const Request& request) {
                           Response response;
                           response.body = body + ' ' + request.path;
                           return response;
                         }))
                   .value();
    });
    return opened;
  }
  static std::string get(const SocketAddress& address, const std::string& path = "/") {
    const UniqueFd client = test::connect_to(address);
    test::send_all(client.get(),
                   "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return test::receive_to_end(client.get());
  }

  asio::io_context loop_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      asio::make_work_guard(loop_)};
  Server server_{loop_};
  std::thread thread_;
};

TEST_F(HttpServerTest, EachPortHasItsOwnAnswer) {
  const SocketAddress one = open("one");
  const SocketAddress two = open("two");

  EXPECT_THAT(get(one, "/a?b=c"), HasSubstr("\r\n\r\none /a"));
  EXPECT_THAT(get(two, "http://host/x"), HasSubstr("\r\n\r\ntwo /x"));
}

TEST_F(HttpServerTest, AnAnswerSaysThatItsTypeIsMeant) {
  EXPECT_THAT(get(open("one")), HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
}

TEST_F(HttpServerTest, AClosedPortRefusesAndCutsItsClientsAlone) {
  const SocketAddress one = open("one");
  const SocketAddress two = open("two");
  const UniqueFd of_one = test::connect_to(one);
  test::send_all(of_one.get(), "GET / HT");
  const UniqueFd of_two = test::connect_to(two);
  ASSERT_THAT(get(one), StartsWith("HTTP/1.1 200"));

  on_loop([&] { server_.close(one); });

  EXPECT_TRUE(test::ends(of_one.get()));
  EXPECT_EQ(test::try_connect(one), ECONNREFUSED);
  test::send_all(of_two.get(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(test::receive_to_end(of_two.get()), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AClosedPortCanBeOpenedAgainAtOnce) {
  const SocketAddress one = open("one");
  const UniqueFd client = test::connect_to(one);
  on_loop([&] { server_.close(one); });

  EXPECT_EQ(open("again", one), one);
  EXPECT_THAT(get(one), HasSubstr("again"));
}

TEST_F(HttpServerTest, TheFamiliesShareAPortOnlyWhereEachKeepsToItsOwn) {
  if (!test::has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const SocketAddress four = open("four", {IpAddress::any(IpFamily::IPv4), 0});
  const SocketAddress six = open("six", {IpAddress::any(IpFamily::IPv6), four.port});

  EXPECT_THAT(get({IpAddress::loopback(IpFamily::IPv4), four.port}), HasSubstr("four"));
  EXPECT_THAT(get({IpAddress::loopback(IpFamily::IPv6), six.port}), HasSubstr("six"));
}

// As Go listens on 0.0.0.0, and kube-proxy with it.
TEST_F(HttpServerTest, AWildcardForBothFamiliesTakesClientsOfBoth) {
  if (!test::has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const SocketAddress both = open("both", {IpAddress::any(IpFamily::IPv4), 0}, Reach::BothFamilies);

  EXPECT_THAT(get({IpAddress::loopback(IpFamily::IPv4), both.port}), HasSubstr("both"));
  EXPECT_THAT(get({IpAddress::loopback(IpFamily::IPv6), both.port}), HasSubstr("both"));
}

TEST_F(HttpServerTest, SaysThatAPortIsBusy) {
  const test::TestListener taken;

  on_loop([&] {
    const auto opened = server_.open(taken.address(), Reach::OwnFamily,
                                     at_once([](const Request&) { return Response(); }));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), boost::system::errc::address_in_use);
    EXPECT_EQ(server_.ports(), 0);
  });
}

}  // namespace
}  // namespace wherry::http
