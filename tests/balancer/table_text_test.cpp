#include "balancer/table_text.h"

#include "tests/balancer/tables.h"
#include "tests/support/builders.h"
#include "tests/support/repository.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace wherry::balancer {
namespace {

using test::service;
using test::slice;

/// A table in which everything stands that a table can say.
std::string everything() {
  Tables tables;
  tables.services.replace({
      service("web", "shop")
          .cluster_ip("10.0.0.1")
          .cluster_ip("fd00::1")
          .port("http", 80)
          .node_port(30080)
          .port("tls", 443)
          .external_ip("192.0.2.1")
          .external_ip("2001:db8::1")
          .load_balancer_ip("198.51.100.1")
          .load_balancer_ip("198.51.100.2"),
      service("local", "shop")
          .type(model::ServiceType::LoadBalancer)
          .cluster_ip("10.0.0.12")
          .port("http", 80)
          .load_balancer_ip("198.51.100.3")
          .source_range("192.0.2.0/24")
          .external_policy(model::TrafficPolicy::Local)
          .health_check_node_port(31000),
      service("db").port("", 5432).annotation("wherry.io/listen-address", "127.0.0.5,127.0.0.6"),
      service("dns")
          .cluster_ip("10.0.0.10")
          .port("dns", 53, std::uint16_t{0}, Protocol::UDP)
          .port("dns-tcp", 53),
      service("empty").cluster_ip("10.0.0.11").port("http", 80).node_port(30081),
      service("headless").headless().port("http", 80),
  });
  tables.slices.replace({
      slice("web-4", "web", "shop")
          .port("http", 8080)
          .port("tls", 8443)
          .endpoint("10.1.0.2")
          .endpoint("10.1.0.1")
          .not_ready("10.1.0.3")
          .terminating("10.1.0.4"),
      slice("web-6", "web", "shop").ipv6().port("http", 8080).endpoint("fd01::1"),
      slice("local-1", "local", "shop").port("http", 8080).endpoint("10.1.0.20").on_node("node-2"),
      slice("db-1", "db").port("", 15432).endpoint("10.1.0.9"),
      slice("dns-1", "dns")
          .port("dns", 5353, Protocol::UDP)
          .port("dns-tcp", 5353)
          .endpoint("10.1.0.53"),
  });
  return table_text(*tables.build());
}

TEST(TableText, SaysAllThatATableHoldsInTheOrderOfKeys) {
  const std::string path = test::repository_path("tests/golden/table_text.txt");
  const std::string text = everything();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;

  std::ifstream file(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};

  EXPECT_EQ(text, golden) << "UPDATE_GOLDEN=1 rewrites " << path;
}

TEST(TableText, OfAnEmptyTableIsNothing) { EXPECT_EQ(table_text(BackendTable()), ""); }

}  // namespace
}  // namespace wherry::balancer
