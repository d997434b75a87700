#pragma once

#include "tests/support/fixed_random.h"
#include "tests/support/log_capture.h"
#include "tests/watcher/api/fake_api_server.h"
#include "tests/watcher/api/loop_test.h"
#include "tests/watcher/object_map.h"
#include "watcher/api/http_list_watch.h"
#include "watcher/api/reflector.h"
#include "watcher/model/decode.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::test {

/// A reflector of Pods over HTTP, with a server that is no process and time that does not pass.
class HttpTest : public LoopTest {
 protected:
  explicit HttpTest(api::StoreLimits limits = {})
      : store_(model::decode_pod, sink_, [] {}, limits) {
    access_.server = {true, "api.test", 6443, ""};
    access_.origin = "the test";
    server_.serve("/api/v1/pods", pods_);
  }
  ~HttpTest() override {
    if (reflector_) reflector_->stop();
    if (credentials_) credentials_->stop();
    run();
    EXPECT_TRUE(!reflector_ || reflector_->idle());
  }

  void start(api::ReflectorOptions options = {}) {
    credentials_.emplace(loop_, access_, timers_, clock_, Environment());
    api::Resource resource{.name = "pods", .version = "v1", .plural = "pods", .kind = "Pod"};
    list_watch_.emplace(
        loop_,
        api::HttpListWatch::Server{access_, *credentials_, metrics_, timers_, clock_, "wherry/1"},
        std::make_unique<FakeDialer>(loop_, server_.wire()), resource);
    reflector_.emplace(loop_, "Pod", *list_watch_, store_, timers_, clock_, random_, options,
                       [] {});
    reflector_->start();
    run();
  }
  void deliver() {
    server_.deliver();
    run();
  }
  [[nodiscard]] std::vector<std::string> pods() const { return sink_.names(); }

  FixedRandom random_;
  LogCapture log_;
  FakeCollection pods_{"Pod"};
  FakeApiServer server_;
  api::ClusterAccess access_;
  api::RestMetrics metrics_{"api.test:6443"};
  ObjectMap<model::Pod> sink_;
  api::TypedStore<model::Pod> store_;
  std::optional<api::Credentials> credentials_;
  std::optional<api::HttpListWatch> list_watch_;
  std::optional<api::Reflector> reflector_;
};

}  // namespace wherry::test
