#include "proxy/admin/admin_server.h"

#include "proxy/admin/http_get.h"
#include "tests/support/sockets.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wherry::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A view that says what the test put into it.
class FakeView final : public AdminView {
 public:
  [[nodiscard]] std::shared_ptr<const balancer::BackendTable> table() const override {
    return std::make_shared<const balancer::BackendTable>();
  }
  [[nodiscard]] std::vector<SocketAddress> listening(balancer::ServicePortId) const override {
    return {};
  }
  [[nodiscard]] balancer::WaysIn ways_in() const override {
    return {.find = [](Protocol, const SocketAddress&) { return std::nullopt; }};
  }
  [[nodiscard]] Readiness readiness() const override {
    Readiness readiness;
    readiness.checks.push_back({.name = "tables", .passed = ready, .required = true, .notes = {}});
    return readiness;
  }
  [[nodiscard]] MetricFamilies metrics() const override {
    return {single_metric("wherry_test", std::string(help_size, 'x'), MetricKind::Gauge, 1)};
  }
  [[nodiscard]] ProcessFacts facts() const override {
    ProcessFacts facts;
    facts.version = "1.2.3";
    facts.mode = "bind";
    facts.flags = {{"workers", "2"}};
    facts.configuration = R"({"apiVersion":"wherry.io/v1alpha1","kind":"Configuration"})";
    return facts;
  }
  [[nodiscard]] bool profiling() const override { return may_change; }
  void set_log_level(log::Level level) override { log_level = level; }
  void gather_sessions(std::function<void(std::vector<SessionRow>)> take) override {
    take(std::vector<SessionRow>(2));
  }

  std::atomic<bool> ready{true};
  std::atomic<bool> may_change{false};
  std::atomic<log::Level> log_level{log::Level::Warn};
  std::atomic<std::size_t> help_size{10};
};

class AdminServerTest : public ::testing::Test {
 protected:
  void start(AdminLimits limits = {}) {
    server_.emplace(loop_, view_, limits);
    ASSERT_FALSE(server_->listen({IpAddress::loopback(IpFamily::IPv4), 0}));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~AdminServerTest() override {
    if (!server_) return;
    asio::post(loop_, [this] { server_->stop(); });
    thread_.join();
    EXPECT_TRUE(server_->idle());
  }

  [[nodiscard]] HttpAnswer get(const std::string& path) const {
    return http_get(server_->address(), path, 10s).value();
  }
  /// Sends bytes as they are and returns everything that comes back.
  [[nodiscard]] std::string exchange(const std::string& bytes) const {
    const UniqueFd client = test::connect_to(server_->address());
    test::send_all(client.get(), bytes);
    return test::receive_to_end(client.get());
  }

  FakeView view_;
  asio::io_context loop_{1};
  std::optional<AdminServer> server_;
  std::thread thread_;
};

TEST_F(AdminServerTest, SaysThatItLives) {
  start();

  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/livez").body, "ok");
  EXPECT_EQ(get("/healthz").body, "ok");
}

TEST_F(AdminServerTest, SaysWhetherItIsReady) {
  start();

  EXPECT_EQ(get("/readyz").status, 200);
  view_.ready = false;
  EXPECT_EQ(get("/readyz").status, 503);
}

TEST_F(AdminServerTest, ShowsEveryCheckWhenAskedTo) {
  start();

  EXPECT_THAT(get("/readyz?verbose").body, HasSubstr("[+]tables ok"));
  EXPECT_THAT(get("/readyz?x=1&verbose=true").body, HasSubstr("[+]tables ok"));
}

TEST_F(AdminServerTest, AnswersEachOfItsPaths) {
  start();

  EXPECT_THAT(get("/metrics").body, HasSubstr("wherry_test 1\n"));
  EXPECT_EQ(get("/table").body, "[]\n");
  EXPECT_EQ(get("/endpoints").body, "[]\n");
  EXPECT_THAT(get("/sessions").body, HasSubstr("\"bytesIn\":0"));
}

TEST_F(AdminServerTest, H4_HasThePagesOfAComponentOfKubernetes) {
  start();

  EXPECT_EQ(get("/healthz").body, "ok");
  EXPECT_EQ(get("/proxyMode").body, "bind");
  EXPECT_EQ(get("/proxyMode").status, 200);
  EXPECT_EQ(get("/configz").body,
            R"({"wherry.io":{"apiVersion":"wherry.io/v1alpha1","kind":"Configuration"}})"
            "\n");
  EXPECT_THAT(get("/flagz").body, HasSubstr("\nworkers=2\n"));
  EXPECT_THAT(get("/statusz").body, HasSubstr("\nBinary version: 1.2.3\n"));
}

TEST_F(AdminServerTest, H4_GivesFlagzAndStatuszAsJsonToWhoAsksForIt) {
  start();
  const auto ask = [this](const std::string& page, const std::string& kind) {
    return exchange(
        "GET " + page +
        " HTTP/1.1\r\nHost: x\r\nAccept: application/json;v=v1beta1;g=config.k8s.io;as=" + kind +
        "\r\nConnection: close\r\n\r\n");
  };

  EXPECT_THAT(ask("/flagz", "Flagz"), HasSubstr(R"("kind":"Flagz")"));
  EXPECT_THAT(ask("/statusz", "Statusz"), HasSubstr(R"("kind":"Statusz")"));
  EXPECT_THAT(ask("/statusz", "Flagz"), HasSubstr("wherry statusz\n"));
}

TEST_F(AdminServerTest, H4_CountsItsHealthChecksAsSlis) {
  start();
  (void)get("/healthz");
  (void)get("/healthz");

  const std::string slis = get("/metrics/slis").body;

  EXPECT_THAT(slis, HasSubstr("\nkubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1\n"));
  EXPECT_THAT(slis,
              HasSubstr("\nkubernetes_healthchecks_total{name=\"ping\",type=\"healthz\",status="
                        "\"success\"} 2\n"));
}

TEST_F(AdminServerTest, NamesItsPathsWhereThereIsNothing) {
  start();

  const HttpAnswer answer = get("/nope");

  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("/metrics"));
}

TEST_F(AdminServerTest, AnswersHeadWithoutABody) {
  start();

  const std::string answer =
      exchange("HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
}

TEST_F(AdminServerTest, AnswersSeveralRequestsOnOneConnection) {
  start();

  const std::string answer = exchange(
      "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");

  EXPECT_THAT(answer, HasSubstr("200 OK"));
  EXPECT_THAT(answer, HasSubstr("404 Not Found"));
}

std::string put(const std::string& path, const std::string& body) {
  return "PUT " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(AdminServerTest, H4_TheLogLevelIsChangedWhereThatIsAllowed) {
  view_.may_change = true;
  start();

  const std::string answer = exchange(put("/debug/flags/v", "4"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("successfully set klog.logging.verbosity to 4"));
  EXPECT_EQ(view_.log_level, log::Level::Debug);

  EXPECT_THAT(exchange(put("/debug/flags/v", "2")), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(view_.log_level, log::Level::Info);
}

TEST_F(AdminServerTest, H4_WhatIsNoVerbosityIsRefusedAndChangesNothing) {
  view_.may_change = true;
  start();

  for (const char* wrong : {"", "much", "4 ", "99999999999"}) {
    EXPECT_THAT(exchange(put("/debug/flags/v", wrong)), StartsWith("HTTP/1.1 400")) << wrong;
  }
  EXPECT_THAT(exchange(put("/debug/flags/v", std::string(65, '4'))), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("PUT /debug/flags/v HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
                       "\r\n\r\n41\r\n" +
                       std::string(65, '4') + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(get("/debug/flags/v").status, 406);
  EXPECT_EQ(view_.log_level, log::Level::Warn);
}

TEST_F(AdminServerTest, H4_TheLogLevelStaysWhereItsChangeIsNotAllowed) {
  start();

  EXPECT_THAT(exchange(put("/debug/flags/v", "4")), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(get("/debug/flags/v").status, 404);
  EXPECT_EQ(view_.log_level, log::Level::Warn);
}

TEST_F(AdminServerTest, ChangesNothingForAnybody) {
  start();

  const std::string answer =
      exchange("DELETE /table HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD"));
}

struct HostileRequest {
  const char* name;
  std::string bytes;
  const char* status;
};

class HostileRequests : public AdminServerTest,
                        public ::testing::WithParamInterface<HostileRequest> {};

TEST_P(HostileRequests, GetAnAnswerAndDisturbNobody) {
  start();

  EXPECT_THAT(exchange(GetParam().bytes), StartsWith(std::string("HTTP/1.1 ") + GetParam().status));
  EXPECT_EQ(get("/livez").status, 200);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, HostileRequests,
    ::testing::Values(
        HostileRequest{"NoHttpAtAll", "hello there\r\n\r\n", "400"},
        HostileRequest{
            "Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), "400"},
        HostileRequest{"BadVersion", "GET / HTTP/9.9\r\n\r\n", "400"},
        HostileRequest{"BadHeader", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"},
        HostileRequest{"TwoLengths",
                       "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"},
        HostileRequest{"LargeHeader",
                       "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "431"},
        HostileRequest{"LargeTarget", "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n",
                       "431"},
        HostileRequest{"ABody", "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "413"},
        HostileRequest{"ABodyThatWaitsToBeAskedFor",
                       "POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
                       "413"},
        HostileRequest{"AChunkedBody", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                       "413"},
        HostileRequest{"AHugeBody", "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nhello",
                       "413"},
        HostileRequest{"NullBytes", std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), "400"},
        HostileRequest{"PathOutOfTheTree",
                       "GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n", "404"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(AdminServerTest, DropsAClientThatNeverFinishesItsRequest) {
  start({.clients = 4, .header_bytes = 8192, .idle = 100ms, .write = 1s});
  const UniqueFd slow = test::connect_to(server_->address());

  test::send_all(slow.get(), "GET /livez HT");

  EXPECT_EQ(test::receive_to_end(slow.get()), "");
}

TEST_F(AdminServerTest, DropsAClientThatNeverTakesItsAnswer) {
  view_.help_size = 20'000'000;  // more than socket buffers hold
  start({.clients = 1, .header_bytes = 8192, .idle = 60s, .write = 2s});
  const UniqueFd slow = test::connect_to(server_->address());
  test::send_all(slow.get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(test::eventually([&] { return get("/livez").status == 503; }));

  // Its place is free again although it has read nothing and closed nothing.
  EXPECT_TRUE(test::eventually([&] { return get("/livez").status == 200; }));
}

TEST_F(AdminServerTest, TurnsAwayMoreClientsThanItMayHave) {
  view_.help_size = 20'000'000;  // so that a client which takes nothing keeps its place
  start({.clients = 2, .header_bytes = 8192, .idle = 60s, .write = 60s});
  std::vector<UniqueFd> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(test::connect_to(server_->address()));
    test::send_all(busy.back().get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  EXPECT_TRUE(test::eventually([&] { return get("/livez").status == 503; }));

  busy.clear();
  EXPECT_TRUE(test::eventually([&] { return get("/livez").status == 200; }));
}

TEST_F(AdminServerTest, CutsTheClientThatHasSentNothingForLongestWhenAnotherComes) {
  start({.clients = 2, .header_bytes = 8192, .idle = 60s, .write = 1s});
  const UniqueFd oldest = test::connect_to(server_->address());
  test::send_all(oldest.get(), "GET /half HTTP/1.1\r\n");
  const UniqueFd second = test::connect_to(server_->address());

  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_TRUE(test::ends(oldest.get()));

  test::send_all(second.get(), "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(test::receive_to_end(second.get()), StartsWith("HTTP/1.1 200"));
}

TEST_F(AdminServerTest, TakesTheAbsoluteFormOfATarget) {
  start();

  EXPECT_EQ(get("http://localhost:10249/livez").status, 200);
  EXPECT_THAT(get("http://localhost/readyz?verbose").body, HasSubstr("[+]tables ok"));
  EXPECT_EQ(get("http://localhost").status, 404);
}

struct CutOffRequest {
  const char* name;
  std::string bytes;
};
class CutOffRequests : public AdminServerTest,
                       public ::testing::WithParamInterface<CutOffRequest> {};

TEST_P(CutOffRequests, AreBad) {
  start();
  const UniqueFd client = test::connect_to(server_->address());
  test::send_all(client.get(), GetParam().bytes);
  test::shut_down_sending(client.get());

  EXPECT_THAT(test::receive_to_end(client.get()), StartsWith("HTTP/1.1 400"));
}

INSTANTIATE_TEST_SUITE_P(Requests, CutOffRequests,
                         ::testing::Values(CutOffRequest{"Garbage", "garbage"},
                                           CutOffRequest{"HalfAHead",
                                                         "GET /livez HTTP/1.1\r\nHost: x\r\n"}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(AdminServerTest, SaysNothingToAClientThatSaidNothing) {
  start();
  const UniqueFd client = test::connect_to(server_->address());
  test::shut_down_sending(client.get());

  EXPECT_EQ(test::receive_to_end(client.get()), "");
}

TEST_F(AdminServerTest, EndsWhileClientsAreConnected) {
  start();
  const UniqueFd idle = test::connect_to(server_->address());
  ASSERT_EQ(get("/livez").status, 200);
  // The destructor stops the server and checks that no task is left.
}

TEST(AdminServer, SaysThatItsPortIsBusy) {
  const test::TestListener taken;
  asio::io_context loop(1);
  FakeView view;
  AdminServer server(loop, view);

  EXPECT_EQ(server.listen(taken.address()), boost::system::errc::address_in_use);
}

TEST(HttpGet, SaysWhyNobodyAnswers) {
  const auto answer = http_get(test::closed_port(), "/", 1s);

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), boost::system::errc::connection_refused);
}

TEST(HttpGet, DoesNotWaitForEverForAnAnswer) {
  const test::TestListener silent;

  const auto answer = http_get(silent.address(), "/", 100ms);

  EXPECT_FALSE(answer);
}

}  // namespace
}  // namespace wherry::admin
