#pragma once

#include "tests/support/builders.h"
#include "tests/support/log_capture.h"
#include "tests/support/manual_timers.h"
#include "tests/support/temp_folder.h"
#include "tests/watcher/object_map.h"
#include "watcher/manifest/manifest_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace wherry::manifest {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline std::string pod_text(const std::string& name) {
  return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}}\n";
}

/// A source over real files. The kernel queues an event before the call returns that caused it, and
/// time is manual: nothing here waits.
class ManifestSourceTest : public ::testing::Test {
 protected:
  ~ManifestSourceTest() override {
    if (source_) source_->stop();
  }

  void follow(std::vector<std::string> paths) {
    source_ = std::make_unique<ManifestSource>(loop_, loop_.get_executor(), timers_, clock_,
                                               std::move(paths), sinks_, [this] { ++changes_; });
    source_->start();
    pass(200ms);
  }
  void follow_on_another_thread(std::vector<std::string> paths) {
    source_ = std::make_unique<ManifestSource>(loop_, work_.get_executor(), timers_, clock_,
                                               std::move(paths), sinks_, [this] { ++changes_; });
    source_->start();
  }

  /// Runs everything that can run without time passing.
  void run() { run(loop_); }
  static void run(asio::io_context& loop) {
    loop.restart();
    while (loop.poll() > 0) {
    }
  }
  void pass(std::chrono::milliseconds time) {
    run();
    for (; time > 0ms; time -= 10ms) {
      timers_.advance(10ms);
      run();
    }
  }

  /// The names of the pods that are in force.
  std::vector<std::string> pods() const {
    std::vector<std::string> names;
    for (const model::Pod& pod : pods_.all()) names.push_back(pod.meta.key.name);
    return names;
  }
  std::vector<std::string> broken() const {
    std::vector<std::string> lines;
    for (const auto& [path, faults] : source_->broken()) {
      for (const Fault& fault : faults) lines.push_back(fault.to_string());
    }
    return lines;
  }
  double metric(const std::string& name) const {
    MetricFamilies families;
    source_->collect(families);
    for (const MetricFamily& family : families) {
      if (family.name == name) return family.samples.at(0).value;
    }
    ADD_FAILURE() << "no metric " << name;
    return -1;
  }
  void relink(const std::string& name, const std::string& target) const {
    fs::create_symlink(target, root_ / ("tmp-" + name));
    fs::rename(root_ / ("tmp-" + name), root_ / name);
  }

  test::TempFolder root_;
  test::LogCapture log_;
  asio::io_context loop_;
  asio::io_context work_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  test::ObjectMap<model::Service> services_;
  test::ObjectMap<model::Pod> pods_;
  test::ObjectMap<model::EndpointSlice> slices_;
  test::ObjectMap<model::Node> nodes_;
  test::ObjectMap<model::ServiceCidr> service_cidrs_;
  const ManifestSinks sinks_{services_, pods_, slices_, nodes_, service_cidrs_};
  int changes_ = 0;
  std::unique_ptr<ManifestSource> source_;
};

}  // namespace wherry::manifest
