#include "balancer/annotations.h"

#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>

namespace wherry::balancer {
namespace {

using namespace std::chrono_literals;
using test::service;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Annotations read(const std::string& name, const std::string& value,
                 Algorithm default_algorithm = Algorithm::RoundRobin) {
  return read_annotations(service("web").annotation(name, value), default_algorithm);
}

TEST(Annotations, WithoutAnyTheDefaultsHold) {
  const Annotations annotations = read_annotations(service("web"), Algorithm::RoundRobin);

  EXPECT_EQ(annotations.options, ServiceOptions());
  EXPECT_THAT(annotations.listen_addresses, IsEmpty());
  EXPECT_THAT(annotations.warnings, IsEmpty());
}

struct AlgorithmCase {
  const char* name;
  const char* annotation;
  const char* value;
  Algorithm expected;
};
std::ostream& operator<<(std::ostream& out, const AlgorithmCase& each) { return out << each.name; }

class AnnotatedAlgorithm : public ::testing::TestWithParam<AlgorithmCase> {};

TEST_P(AnnotatedAlgorithm, L1_IsTheServices) {
  // Not what is expected, whatever that is.
  const Algorithm other =
      GetParam().expected == Algorithm::Ewma ? Algorithm::Random : Algorithm::Ewma;
  const Annotations annotations = read(GetParam().annotation, GetParam().value, other);

  EXPECT_EQ(annotations.options.algorithm, GetParam().expected);
  EXPECT_THAT(annotations.warnings, IsEmpty());
}

constexpr const char* kBalance = "wherry.io/balance";
constexpr const char* kScheduler = "kube-router.io/service.scheduler";

INSTANTIATE_TEST_SUITE_P(
    Values, AnnotatedAlgorithm,
    ::testing::Values(AlgorithmCase{"RoundRobin", kBalance, "round-robin", Algorithm::RoundRobin},
                      AlgorithmCase{"Random", kBalance, "random", Algorithm::Random},
                      AlgorithmCase{"LeastConnections", kBalance, "least-connections",
                                    Algorithm::LeastConnections},
                      AlgorithmCase{"Ewma", kBalance, "ewma", Algorithm::Ewma},
                      AlgorithmCase{"Maglev", kBalance, " maglev ", Algorithm::Maglev},
                      AlgorithmCase{"Rr", kScheduler, "rr", Algorithm::RoundRobin},
                      AlgorithmCase{"Wrr", kScheduler, "wrr", Algorithm::RoundRobin},
                      AlgorithmCase{"Lc", kScheduler, "lc", Algorithm::LeastConnections},
                      AlgorithmCase{"Wlc", kScheduler, "wlc", Algorithm::LeastConnections},
                      AlgorithmCase{"Lblc", kScheduler, "lblc", Algorithm::LeastConnections},
                      AlgorithmCase{"Lblcr", kScheduler, "lblcr", Algorithm::LeastConnections},
                      AlgorithmCase{"Sed", kScheduler, "sed", Algorithm::LeastConnections},
                      AlgorithmCase{"Nq", kScheduler, "nq", Algorithm::LeastConnections},
                      AlgorithmCase{"Sh", kScheduler, "sh", Algorithm::Maglev},
                      AlgorithmCase{"Dh", kScheduler, "dh", Algorithm::Maglev},
                      AlgorithmCase{"Mh", kScheduler, "mh", Algorithm::Maglev}),
    [](const auto& row) { return row.param.name; });

TEST(Annotations, L1_TheNodesDefaultIsForServicesThatNameNoAlgorithm) {
  EXPECT_EQ(read_annotations(service("web"), Algorithm::Maglev).options.algorithm,
            Algorithm::Maglev);
  EXPECT_EQ(read(kBalance, "", Algorithm::Maglev).options.algorithm, Algorithm::Maglev);
  EXPECT_EQ(read(kBalance, "fastest", Algorithm::Maglev).options.algorithm, Algorithm::Maglev);
}

TEST(Annotations, L1_OurOwnAnnotationWinsOverKubeRouters) {
  const auto both = service("web").annotation(kScheduler, "lc").annotation(kBalance, "random");

  EXPECT_EQ(read_annotations(both, Algorithm::RoundRobin).options.algorithm, Algorithm::Random);
}

TEST(Annotations, L1_ABadAlgorithmLeavesKubeRoutersInForce) {
  const auto both = service("web").annotation(kScheduler, "lc").annotation(kBalance, "rr");

  const Annotations annotations = read_annotations(both, Algorithm::RoundRobin);

  EXPECT_EQ(annotations.options.algorithm, Algorithm::LeastConnections);
  EXPECT_THAT(annotations.warnings, ElementsAre(HasSubstr("\"rr\" is no algorithm")));
}

TEST(Annotations, ReadsAllOptionsOfOneService) {
  const auto all = service("web")
                       .annotation("wherry.io/slow-start", "1m30s")
                       .annotation("wherry.io/listen-address", "127.0.0.5, ::1")
                       .annotation("wherry.io/udp-idle-timeout", "45s")
                       .annotation("wherry.io/udp-per-datagram", "true")
                       .annotation("wherry.io/proxy-protocol", "v2");

  const Annotations annotations = read_annotations(all, Algorithm::RoundRobin);

  EXPECT_EQ(annotations.options.slow_start, 90s);
  EXPECT_THAT(annotations.listen_addresses, ElementsAre(test::ip("127.0.0.5"), test::ip("::1")));
  EXPECT_EQ(annotations.options.udp_idle_timeout, 45s);
  EXPECT_TRUE(annotations.options.udp_per_datagram);
  EXPECT_EQ(annotations.options.proxy_protocol, ProxyProtocol::V2);
}

TEST(Annotations, WhatIsCarriedOutIsReadWithoutAWord) {
  EXPECT_THAT(read("wherry.io/proxy-protocol", "v1").warnings, IsEmpty());
  EXPECT_THAT(read("wherry.io/udp-per-datagram", "true").warnings, IsEmpty());
  EXPECT_THAT(read("wherry.io/udp-idle-timeout", "30s").warnings, IsEmpty());
}

TEST(Annotations, VersionOneHasNoWordForUdp) {
  const auto service_with = [](const std::string& version, Protocol protocol) {
    return service("web")
        .port("a", 53, std::uint16_t{0}, Protocol::TCP)
        .port("b", 53, std::uint16_t{0}, protocol)
        .annotation("wherry.io/proxy-protocol", version);
  };
  EXPECT_THAT(read_annotations(service_with("v1", Protocol::UDP), Algorithm::RoundRobin).warnings,
              ElementsAre("Service default/web: annotation wherry.io/proxy-protocol: \"v1\" has no "
                          "word for UDP, whose backends are told nothing; write v2"));
  EXPECT_THAT(read_annotations(service_with("v2", Protocol::UDP), Algorithm::RoundRobin).warnings,
              IsEmpty());
  EXPECT_THAT(read_annotations(service_with("v1", Protocol::TCP), Algorithm::RoundRobin).warnings,
              IsEmpty());
}

TEST(Annotations, WhatAsksForTheDefaultSaysNothing) {
  for (const auto& [name, value] : {std::pair("wherry.io/slow-start", "0"),
                                    {"wherry.io/udp-per-datagram", "false"},
                                    {"wherry.io/balance", "  "}}) {
    const Annotations annotations = read(name, value);
    EXPECT_EQ(annotations.options, ServiceOptions()) << name;
    EXPECT_THAT(annotations.warnings, IsEmpty()) << name;
  }
}

struct BadCase {
  const char* name;
  const char* annotation;
  const char* value;
  const char* warning;
};
std::ostream& operator<<(std::ostream& out, const BadCase& each) { return out << each.name; }

class BadAnnotation : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadAnnotation, IsAWarningWithRemedyAndTheDefaultHolds) {
  const Annotations annotations = read(GetParam().annotation, GetParam().value);

  EXPECT_EQ(annotations.options, ServiceOptions());
  EXPECT_THAT(annotations.warnings, ElementsAre(std::string("Service default/web: annotation ") +
                                                GetParam().annotation + ": " + GetParam().warning));
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadAnnotation,
    ::testing::Values(
        BadCase{"Balance", "wherry.io/balance", "Maglev",
                "\"Maglev\" is no algorithm; write round-robin, random, least-connections, ewma or "
                "maglev"},
        BadCase{
            "Scheduler", "kube-router.io/service.scheduler", "fo",
            "\"fo\" is no scheduler that wherry knows; write rr, wrr, lc, wlc, sh or mh, or use "
            "wherry.io/balance"},
        BadCase{"SlowStartWord", "wherry.io/slow-start", "soon",
                "\"soon\" is no duration up to 1h; write one such as 30s, or 0 for none"},
        BadCase{"SlowStartWithoutUnit", "wherry.io/slow-start", "30",
                "\"30\" is no duration up to 1h; write one such as 30s, or 0 for none"},
        BadCase{"SlowStartTooLong", "wherry.io/slow-start", "61m",
                "\"61m\" is no duration up to 1h; write one such as 30s, or 0 for none"},
        BadCase{"SlowStartTooShort", "wherry.io/slow-start", "999ms",
                "\"999ms\" is less than 1s; write one such as 30s, or 0 for none"},
        BadCase{"UdpIdleTimeoutZero", "wherry.io/udp-idle-timeout", "0",
                "\"0\" is less than 1s; write one such as 30s"},
        BadCase{"UdpIdleTimeoutTooLong", "wherry.io/udp-idle-timeout", "25h",
                "\"25h\" is no duration up to 24h; write one such as 30s"},
        BadCase{"UdpPerDatagram", "wherry.io/udp-per-datagram", "yes",
                R"("yes" is neither; write "true" or "false")"},
        BadCase{"ProxyProtocol", "wherry.io/proxy-protocol", "2",
                "\"2\" is no version; write v1 or v2"},
        BadCase{"StrangersText", "wherry.io/balance", "\x1b[31m",
                "\"\\u001b[31m\" is no algorithm; write round-robin, random, least-connections, "
                "ewma or maglev"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace wherry::balancer
