#pragma once

#include "tests/support/fixed_random.h"
#include "tests/support/log_capture.h"
#include "tests/watcher/api/fake_list_watch.h"
#include "tests/watcher/api/loop_test.h"
#include "tests/watcher/object_map.h"
#include "watcher/api/reflector.h"
#include "watcher/model/decode.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace wherry::test {

/// A reflector of Pods over a fake API, without sockets and without time.
class ReflectorTest : public LoopTest {
 protected:
  ~ReflectorTest() override {
    if (!reflector_) return;
    reflector_->stop();
    run();
    EXPECT_TRUE(reflector_->idle());
  }

  void start(api::ReflectorOptions options = {}) {
    reflector_.emplace(loop_, "Pod", api_, store_, timers_, clock_, random_, options, [this] {
      ++health_changes_;
      if (!reflector_) return;  // it is only being made
      ++(reflector_->health().failing ? troubles_ : recoveries_);
    });
    reflector_->start();
    run();
  }
  /// Without WatchList, where a test is about lists.
  void start_with_lists() { start({.watch_list = false}); }

  /// What has changed in the collection reaches open watches.
  void deliver() {
    api_.deliver();
    run();
  }
  void end_watches(api::ApiErrc code) {
    api_.end_watches(code);
    run();
  }
  /// The names of the pods that the sink holds.
  [[nodiscard]] std::vector<std::string> pods() const { return sink_.names(); }

  FixedRandom random_;
  LogCapture log_;
  FakeCollection collection_{"Pod"};
  FakeListWatch api_{loop_, collection_};
  ObjectMap<model::Pod> sink_;
  int changes_ = 0;
  api::TypedStore<model::Pod> store_{model::decode_pod, sink_, [this] { ++changes_; }, {}};
  int health_changes_ = 0;
  int troubles_ = 0;    ///< how often it was told that something fails
  int recoveries_ = 0;  ///< how often that nothing does
  std::optional<api::Reflector> reflector_;
};

}  // namespace wherry::test
