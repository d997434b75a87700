#include "watcher/api/credentials.h"

#include "base/async/task_group.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/watcher/api/loop_test.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

/// What the server knows us by, as several requests at once see it: A25, A30.
namespace wherry::api {
namespace {

using namespace std::chrono_literals;

class CredentialsTest : public test::LoopTest {
 protected:
  ~CredentialsTest() override {
    if (credentials_) credentials_->stop();
    run();
    EXPECT_TRUE(tasks_.idle());
  }

  void start() {
    const Environment::Variables variables{{"PATH", "/usr/bin:/bin"}};
    credentials_ =
        std::make_unique<Credentials>(loop_, access_, timers_, clock_, Environment(variables));
  }
  /// What a request is sent with. A plugin is a real program, which takes its time.
  Secret headers() {
    result_.reset();
    tasks_.spawn("headers", ask());
    EXPECT_TRUE(test::eventually([this] {
      run();
      return tasks_.idle();
    }));
    EXPECT_TRUE(result_ && *result_);
    return result_ && *result_ ? **result_ : Secret();
  }
  asio::awaitable<void> ask() { result_.emplace(co_await credentials_->headers()); }

  static Secret bearer(const std::string& token) {
    return Secret("Authorization: Bearer " + token + "\r\n");
  }

  test::TempFolder folder_;
  ClusterAccess access_;
  std::unique_ptr<Credentials> credentials_;
  std::optional<ApiResult<Secret>> result_;
  TaskGroup tasks_{loop_};
};

class TokenFileTest : public CredentialsTest {
 protected:
  TokenFileTest() {
    folder_.write("token", "old\n");
    access_.token_file = folder_ / "token";
    start();
  }
};

TEST_F(TokenFileTest, A25_IsReadAgainAfterAWhile) {
  EXPECT_EQ(headers(), bearer("old"));
  folder_.replace("token", "new\n");
  advance(49s);
  EXPECT_EQ(headers(), bearer("old"));
  advance(1s);
  EXPECT_EQ(headers(), bearer("new"));
}

TEST_F(TokenFileTest, A25_IsReadAgainOnceItIsRefused) {
  const Secret old = headers();
  folder_.replace("token", "new\n");
  advance(10s);
  EXPECT_TRUE(credentials_->invalidate(old));
  EXPECT_EQ(headers(), bearer("new"));
}

TEST_F(TokenFileTest, A25_ARefusalOfTheOldOneSaysNothingOfTheNewOne) {
  const Secret old = headers();  // of several requests at once
  folder_.replace("token", "new\n");
  advance(10s);
  EXPECT_TRUE(credentials_->invalidate(old));
  EXPECT_TRUE(credentials_->invalidate(old)) << "before it is read again";
  EXPECT_EQ(headers(), bearer("new"));

  EXPECT_TRUE(credentials_->invalidate(old)) << "the same request with the new one is worth a try";
  folder_.remove("token");
  EXPECT_EQ(headers(), bearer("new")) << "it was not read once more";
}

TEST_F(TokenFileTest, A25_OneThatWasReadJustNowHasNotChangedSince) {
  EXPECT_FALSE(credentials_->invalidate(headers()));
}

/// Each run says another token, and leaves a line in a file.
class PluginTest : public CredentialsTest {
 protected:
  PluginTest() {
    ExecPlugin plugin;
    plugin.api_version = "client.authentication.k8s.io/v1";
    plugin.command = "sh";
    plugin.arguments = {"-c",
                        R"(echo run >> "$RUNS"; n=$(wc -l < "$RUNS")
           echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": "t'$n'"}}')"};
    plugin.environment = {{"RUNS", folder_ / "runs"}};
    access_.exec = plugin;
    start();
  }
};

TEST_F(PluginTest, A30_RunsOnceForAllUntilItsAnswerIsRefused) {
  const Secret first = headers();
  EXPECT_EQ(first, bearer("t1"));
  EXPECT_EQ(headers(), bearer("t1"));
  EXPECT_TRUE(credentials_->invalidate(first));
  EXPECT_EQ(headers(), bearer("t2"));
}

TEST_F(PluginTest, A30_ARefusalOfItsOldAnswerKeepsTheNewOne) {
  const Secret first = headers();
  EXPECT_TRUE(credentials_->invalidate(first));
  EXPECT_TRUE(credentials_->invalidate(first));
  EXPECT_EQ(headers(), bearer("t2"));
  EXPECT_TRUE(credentials_->invalidate(first));
  EXPECT_EQ(headers(), bearer("t2"));
}

}  // namespace
}  // namespace wherry::api
