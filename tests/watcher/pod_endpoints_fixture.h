#pragma once

#include "tests/support/builders.h"
#include "tests/watcher/backends_in.h"
#include "tests/watcher/object_map.h"
#include "watcher/pod_endpoints.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace wherry::watcher {

/// A PodEndpoints between the test and a receiver that holds what it is told.
class PodEndpointsTest : public ::testing::Test {
 protected:
  explicit PodEndpointsTest(std::size_t most_bytes = std::numeric_limits<std::size_t>::max(),
                            Precedence precedence = Precedence::OwnSlices)
      : endpoints_(out_, most_bytes, precedence) {}

  void upsert(const model::Service& object) { endpoints_.services().upsert(test::shared(object)); }
  void upsert(const model::Pod& object) { endpoints_.pods().upsert(test::shared(object)); }
  void upsert(const model::EndpointSlice& object) {
    endpoints_.slices().upsert(test::shared(object));
  }

  /// What the receiver holds after a flush.
  std::vector<std::string> backends() {
    endpoints_.flush();
    return test::backends_in(out_.all());
  }

  static model::Service web() { return test::service("web").selector("app", "web").port("", 80); }
  static model::Pod web_pod(const std::string& name, const std::string& address) {
    return test::pod(name, address).label("app", "web");
  }

  test::ObjectMap<model::EndpointSlice> out_;
  PodEndpoints endpoints_;
};

}  // namespace wherry::watcher
