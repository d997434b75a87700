#include "tests/integration/rig.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wherry::test {
namespace {

using testing::HasSubstr;

TEST(Admin, MetricsNameWhatOperatorsWatch) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  WherryProcess& wherry = rig.run();
  EXPECT_EQ(rig.answers(3).at("pod-1"), 3);
  const std::string metrics = wherry.get("/metrics");
  for (const char* name :
       {"wherry_tcp_sessions_active", "wherry_tcp_sessions_total{service=\"default/my-service\"}",
        "wherry_tcp_bytes_total{direction=\"in\"}", "wherry_tcp_bytes_total{direction=\"out\"}",
        "wherry_tcp_connect_failures_total{reason=\"refused\"}", "wherry_tcp_retries_total",
        "wherry_refused_total{reason=", "wherry_table_generation",
        "wherry_table_delay_seconds_count", "wherry_busy_ports", "wherry_manifest_errors",
        "process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"}) {
    EXPECT_THAT(metrics, HasSubstr(std::string("\n") + name));
  }
  EXPECT_TRUE(eventually([&] {
    return wherry.sample("wherry_tcp_sessions_total{service=\"default/my-service\"}") == 3;
  }));
}

TEST(Admin, TheGenerationGrowsWithEveryTable) {
  Rig rig;
  rig.write_service();
  WherryProcess& wherry = rig.run();
  EXPECT_TRUE(eventually([&] { return wherry.metric("wherry_table_generation") > 0; }));
  const double before = wherry.metric("wherry_table_generation");
  rig.add_pod("pod-1");
  rig.wait_for_endpoints(1);
  EXPECT_GT(wherry.metric("wherry_table_generation"), before);
  // One observation for each table that became live.
  EXPECT_EQ(wherry.metric("wherry_table_delay_seconds_count"),
            wherry.metric("wherry_table_generation"));
}

TEST(Admin, TheTableIsWhatGetServicesPrints) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  WherryProcess& wherry = rig.run();
  const auto printed = test::wherry(
      {"get", "services", "-o", "json", "--admin-address", wherry.admin().to_string()});
  EXPECT_EQ(boost::json::value(rows(wherry, "/table")), boost::json::parse(printed.out));
}

TEST(Admin, LivezAndReadyzSayOk) {
  Rig rig;
  WherryProcess& wherry = rig.run();
  EXPECT_THAT(wherry.get("/livez"), HasSubstr("ok"));
  EXPECT_EQ(wherry.get("/readyz"), "ok\n");
  EXPECT_THAT(wherry.get("/readyz?verbose"), HasSubstr("[+]tables ok"));
  EXPECT_EQ(wherry.status_of("/nothing/here"), 404);
}

}  // namespace
}  // namespace wherry::test
