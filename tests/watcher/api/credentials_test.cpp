#include "watcher/api/credentials.h"

#include "base/async/task_group.h"
#include "tests/support/certificates.h"
#include "tests/support/log_capture.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/watcher/api/loop_test.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

/// What the server knows us by, as several requests at once see it: A25, A27, A30.
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
  /// What a new connection shows.
  ApiResult<ClientCertificate> certificate() {
    shown_.reset();
    tasks_.spawn("certificate", ask_for_certificate());
    EXPECT_TRUE(test::eventually([this] {
      run();
      return tasks_.idle();
    }));
    return shown_.value();
  }
  asio::awaitable<void> ask_for_certificate() {
    shown_.emplace(co_await credentials_->client_certificate());
  }

  static Secret bearer(const std::string& token) {
    return Secret("Authorization: Bearer " + token + "\r\n");
  }

  test::TempFolder folder_;
  ClusterAccess access_;
  std::unique_ptr<Credentials> credentials_;
  std::optional<ApiResult<Secret>> result_;
  std::optional<ApiResult<ClientCertificate>> shown_;
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

TEST_F(PluginTest, A30_ACertificateMustGoWithItsKey) {
  const auto mine = test::make_certificate({.common_name = "me"});
  const auto other = test::make_certificate({.common_name = "other"});
  const auto answer = [](const test::TestCertificate& certificate, const std::string& key) {
    boost::json::object status{{"clientCertificateData", certificate.certificate},
                               {"clientKeyData", key}};
    return boost::json::serialize(
        boost::json::object{{"apiVersion", "client.authentication.k8s.io/v1"},
                            {"kind", "ExecCredential"},
                            {"status", std::move(status)}});
  };
  folder_.write("answer", answer(mine, other.key));
  access_.exec->arguments = {"-c", "cat " + (folder_ / "answer")};
  const auto asked = certificate();
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().text.find("does not belong to the client certificate"), std::string::npos)
      << asked.error().text;

  folder_.write("answer", answer(mine, mine.key));
  EXPECT_EQ(certificate().value().key, Secret(mine.key));
}

/// Two files, of which one is always replaced before the other.
class CertificateFilesTest : public CredentialsTest {
 protected:
  CertificateFilesTest() {
    access_.client_certificate.file = folder_ / "client.crt";
    access_.client_key.file = folder_ / "client.key";
    write(old_);
    start();
    subscription_ = credentials_->on_certificate_change([this] { ++changes_; });
  }

  void write(const test::TestCertificate& pair) {
    folder_.replace("client.crt", pair.certificate);
    folder_.replace("client.key", pair.key);
  }
  static ClientCertificate pair(const test::TestCertificate& of) {
    return {Secret(of.certificate), Secret(of.key)};
  }

  const test::TestCertificate old_ = test::make_certificate({.common_name = "old"});
  const test::TestCertificate new_ = test::make_certificate({.common_name = "new"});
  test::LogCapture log_;
  int changes_ = 0;
  Credentials::Subscription subscription_;
};

TEST_F(CertificateFilesTest, A27_AreReadForEachConnection) {
  EXPECT_EQ(certificate().value(), pair(old_));
  EXPECT_EQ(changes_, 0);
  write(new_);
  EXPECT_EQ(certificate().value(), pair(new_));
  EXPECT_EQ(changes_, 1);
}

TEST_F(CertificateFilesTest, A27_AreReadEveryFiveMinutes) {
  EXPECT_EQ(certificate().value(), pair(old_));
  write(new_);
  advance(5min - 1s);
  EXPECT_EQ(changes_, 0);
  advance(1s);
  EXPECT_EQ(changes_, 1);
  write(old_);
  advance(5min);
  EXPECT_EQ(changes_, 2);
}

TEST_F(CertificateFilesTest, A27_HalfOfANewPairLeavesTheOldOneInUse) {
  EXPECT_EQ(certificate().value(), pair(old_));
  folder_.replace("client.key", new_.key);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(certificate().value(), pair(old_));
  EXPECT_EQ(log_.count("the client key does not belong to the client certificate"), 1u);
  EXPECT_EQ(log_.count(folder_ / "client.key"), 1u);
  EXPECT_EQ(changes_, 0);
}

TEST_F(CertificateFilesTest, A27_APairThatBecomesWholeIsTakenSoon) {
  EXPECT_EQ(certificate().value(), pair(old_));
  folder_.replace("client.crt", new_.certificate);
  EXPECT_EQ(certificate().value(), pair(old_));
  folder_.replace("client.key", new_.key);
  advance(10s);
  EXPECT_EQ(changes_, 1) << "without waiting for five minutes, or for a connection";
  EXPECT_EQ(certificate().value(), pair(new_));
}

TEST_F(CertificateFilesTest, A27_OneThatIsTornOrMissingLeavesTheOldPairInUse) {
  EXPECT_EQ(certificate().value(), pair(old_));
  folder_.replace("client.crt", new_.certificate.substr(0, 100));
  EXPECT_EQ(certificate().value(), pair(old_));
  folder_.remove("client.crt");
  EXPECT_EQ(certificate().value(), pair(old_));
  EXPECT_EQ(log_.count("the last one stays in use"), 2u) << "two reasons";
}

TEST_F(CertificateFilesTest, A27_AtFirstAPairThatIsNoneIsRefused) {
  folder_.replace("client.key", new_.key);
  const auto asked = certificate();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ApiErrc::Credentials);
  EXPECT_EQ(asked.error().text, "the client key does not belong to the client certificate: " +
                                    (folder_ / "client.crt") + ", " + (folder_ / "client.key"));

  folder_.replace("client.crt", new_.certificate);
  EXPECT_EQ(certificate().value(), pair(new_));
  EXPECT_EQ(changes_, 0) << "no connection had the other one";
}

}  // namespace
}  // namespace wherry::api
