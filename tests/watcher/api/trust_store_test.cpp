#include "watcher/api/trust_store.h"

#include "tests/support/certificates.h"
#include "tests/support/log_capture.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

/// The authorities' file and what happens to it: A26.
namespace wherry::api {
namespace {

using ::testing::HasSubstr;

class TrustStoreTest : public ::testing::Test {
 protected:
  TrustStoreTest() { access_.certificate_authority.file = folder_ / "ca.crt"; }

  /// What a new connection gets; null, with the reason in failure_, where it gets nothing.
  std::shared_ptr<const TlsContext> context(const ClientCertificate& certificate = {}) {
    auto made = trust_.context(certificate);
    failure_ = made ? "" : made.error().text;
    return made ? *made : nullptr;
  }
  void write(const std::string& text) { folder_.replace("ca.crt", text); }

  const std::string a_ = test::make_authority("a").certificate;
  const std::string b_ = test::make_authority("b").certificate;
  const std::string half_of_b_ = b_.substr(0, b_.size() / 2);
  test::LogCapture log_;
  test::TempFolder folder_;
  ClusterAccess access_;
  TrustStore trust_{access_};
  std::string failure_;
};

TEST_F(TrustStoreTest, A26_IsMadeAnewOnlyForAnotherText) {
  write(a_);
  const auto first = context();
  ASSERT_TRUE(first);
  write(a_);
  EXPECT_EQ(context(), first);
  write(b_);
  EXPECT_NE(context(), first);
  EXPECT_EQ(trust_.reloads().good, 1u);
  EXPECT_EQ(trust_.reloads().failed, 0u);
}

TEST_F(TrustStoreTest, A26_WhatIsNoGoodLeavesTheLastOnesInUse) {
  write(a_);
  const auto first = context();
  for (const std::string& bad : {std::string(), std::string("garbage"), a_ + half_of_b_, half_of_b_,
                                 half_of_b_ + '\n' + a_}) {
    write(bad);
    EXPECT_EQ(context(), first) << bad;
    EXPECT_EQ(context(), first) << bad;
  }
  folder_.remove("ca.crt");
  EXPECT_EQ(context(), first);
  write(b_);
  EXPECT_NE(context(), first);
  EXPECT_EQ(trust_.reloads().good, 1u);
  EXPECT_EQ(trust_.reloads().failed, 4u) << "an empty file has not been written yet";
}

TEST_F(TrustStoreTest, A26_SaysOnceWhyTheLastOnesStay) {
  write(a_);
  EXPECT_TRUE(context());
  write(a_ + half_of_b_);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(context());

  EXPECT_EQ(log_.count("the last one stays in use"), 1u);
  EXPECT_EQ(log_.count("it may be half written"), 1u);
  EXPECT_EQ(log_.count(folder_ / "ca.crt"), 1u);
}

TEST_F(TrustStoreTest, A26_ABundleIsTakenOnceItIsWhole) {
  write(a_);
  const auto first = context();
  write(a_ + half_of_b_);
  EXPECT_EQ(context(), first);
  write(a_ + b_);
  EXPECT_NE(context(), first);
  EXPECT_EQ(log_.count("has been read anew"), 1u);
}

TEST_F(TrustStoreTest, A26_TheLastOnesServeAnotherClientCertificateToo) {
  write(a_);
  const auto first = context();
  write("garbage");
  const auto mine = test::make_certificate({.common_name = "me"});
  const auto second = context({Secret(mine.certificate), Secret(mine.key)});

  ASSERT_TRUE(second) << failure_;
  EXPECT_NE(second, first);
}

TEST_F(TrustStoreTest, A26_AtFirstOneCertificateIsEnough) {
  write(a_ + half_of_b_);
  EXPECT_TRUE(context()) << failure_;
  EXPECT_EQ(log_.count("are no certificates and are passed over"), 1u);
}

TEST_F(TrustStoreTest, A26_AtFirstOneCertificateIsNeeded) {
  EXPECT_FALSE(context());
  EXPECT_THAT(failure_, HasSubstr(folder_ / "ca.crt"));
  for (const auto& [bad, words] : {std::pair<std::string, std::string>{"", "it is empty"},
                                   {"garbage", "it holds no certificate; write"},
                                   {half_of_b_, "it holds no certificate; write"}}) {
    write(bad);
    EXPECT_FALSE(context()) << bad;
    EXPECT_THAT(failure_, HasSubstr(words));
  }
  write(b_);
  EXPECT_TRUE(context());
  EXPECT_EQ(trust_.reloads().good, 0u) << "nothing had been read before";
  EXPECT_EQ(trust_.reloads().failed, 0u);
}

TEST_F(TrustStoreTest, A28_DataWinsOverTheFile) {
  access_.certificate_authority.text = Secret(a_);
  EXPECT_TRUE(context()) << "the file is not looked at";
  access_.certificate_authority.text = Secret("garbage");
  TrustStore another(access_);
  const auto made = another.context({});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("certificate-authority-data"));
}

}  // namespace
}  // namespace wherry::api
