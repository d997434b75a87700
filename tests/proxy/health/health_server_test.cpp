#include "proxy/health/health_server.h"

#include "tests/proxy/health/serving.h"
#include "tests/support/manual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace wherry::health {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HealthServerTest : public ::testing::Test {
 protected:
  HealthServerTest() {
    serving_.run(
        [this] { EXPECT_FALSE(server_.listen({IpAddress::loopback(IpFamily::IPv4), 0})); });
  }
  ~HealthServerTest() override {
    serving_.run([this] { server_.stop(); });
    serving_.join();
    EXPECT_TRUE(server_.idle());
  }
  [[nodiscard]] std::string ask(const std::string& path, const std::string& method = "GET") const {
    return Serving::ask(server_.address(), path, method);
  }
  /// The count of one family and status.
  double count(std::size_t family, std::size_t sample) {
    MetricFamilies families;
    serving_.run([&] { server_.collect(families); });
    return families.at(family).samples.at(sample).value;
  }

  test::ManualClock clock_;
  ProxyHealth health_{clock_, {IpFamily::IPv4}, 60s};
  bool eligible_ = true;
  Serving serving_;
  HealthServer server_{serving_.loop, health_, [this] { return eligible_; }};
};

TEST_F(HealthServerTest, H1_AnswersWithTheHeadersThatKubeProxySends) {
  const std::string answer = ask("/healthz");

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n" + healthz(health_.state(), true).body));
}

TEST_F(HealthServerTest, H1_IsUnavailableWhereTheNodeIsNotEligible) {
  serving_.run([this] { eligible_ = false; });

  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(ask("/livez"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HealthServerTest, H2_IsUnavailableWhileAChangeWaitsTooLong) {
  serving_.run([this] {
    health_.queued();
    clock_.advance(60s);
  });

  EXPECT_THAT(ask("/livez"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(HealthServerTest, H1_AnswersWhateverTheMethod) {
  EXPECT_THAT(ask("/healthz", "POST"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ask("/healthz", "HEAD"), EndsWith("\r\n\r\n"));
}

TEST_F(HealthServerTest, H1_HasNothingElse) {
  EXPECT_THAT(ask("/"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(ask("/healthz/"), EndsWith("\r\n\r\n404 page not found\n"));
}

TEST_F(HealthServerTest, M7_CountsAnswersByStatus) {
  (void)ask("/healthz");
  serving_.run([this] { eligible_ = false; });
  (void)ask("/healthz");
  (void)ask("/healthz");
  (void)ask("/livez");

  EXPECT_EQ(count(0, 0), 1);  // healthz 200
  EXPECT_EQ(count(0, 1), 2);  // healthz 503
  EXPECT_EQ(count(1, 0), 1);  // livez 200
  EXPECT_EQ(count(1, 1), 0);
}

TEST_F(HealthServerTest, M7_UsesKubeProxysNames) {
  MetricFamilies families;
  serving_.run([&] { server_.collect(families); });

  EXPECT_EQ(families.at(0).name, "kubeproxy_proxy_healthz_total");
  EXPECT_EQ(families.at(1).name, "kubeproxy_proxy_livez_total");
  EXPECT_EQ(families.at(0).samples.at(0).labels, (MetricLabels{{"code", "200"}}));
  EXPECT_EQ(families.at(0).samples.at(1).labels, (MetricLabels{{"code", "503"}}));
}

}  // namespace
}  // namespace wherry::health
