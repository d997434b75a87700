#include "watcher/api/pem.h"

#include "tests/support/certificates.h"
#include "watcher/api/client_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Texts that somebody writes while we read them: A26, A27.
namespace wherry::api {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class PemTest : public ::testing::Test {
 protected:
  const std::string a_ = test::make_authority("a").certificate;
  const std::string b_ = test::make_authority("b").certificate;
};

TEST_F(PemTest, A26_FindsEveryCertificate) {
  const std::string key = test::make_authority("c").key;
  const std::string text = "# ours\n" + a_ + key + "\r\n" + b_;
  const CertificateBlocks blocks = certificate_blocks(text);

  ASSERT_THAT(blocks.whole, SizeIs(2));
  EXPECT_EQ(blocks.torn, 0u);
  EXPECT_EQ(std::string(blocks.whole[0]) + '\n', a_);
  EXPECT_TRUE(parse_certificate(blocks.whole[1]));
}

TEST_F(PemTest, A26_ReadsLinesThatEndInCrLf) {
  std::string text;
  for (const char c : a_) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const CertificateBlocks blocks = certificate_blocks(text);

  ASSERT_THAT(blocks.whole, SizeIs(1));
  EXPECT_TRUE(parse_certificate(blocks.whole[0]));
}

TEST_F(PemTest, A26_WhereverItBreaksOffThatIsSeen) {
  const std::string both = a_ + b_;
  // Up to the last line's last dash; the line break after it is nobody's loss.
  for (std::size_t size = a_.size() + 1; size + 1 < both.size(); ++size) {
    const CertificateBlocks blocks = certificate_blocks(std::string_view(both).substr(0, size));
    ASSERT_THAT(blocks.whole, SizeIs(1)) << size;
    ASSERT_EQ(blocks.torn, 1u) << size;
  }
}

TEST_F(PemTest, A26_ATornBlockTakesNoOtherWithIt) {
  const std::string text = a_.substr(0, a_.size() / 2) + '\n' + b_;
  const CertificateBlocks blocks = certificate_blocks(text);

  ASSERT_THAT(blocks.whole, SizeIs(1));
  EXPECT_EQ(std::string(blocks.whole[0]) + '\n', b_);
  EXPECT_EQ(blocks.torn, 1u);
}

TEST_F(PemTest, A26_NothingIsFoundInSomethingElse) {
  for (const char* text : {"", "\n", "-", "certificate", "-----BEGIN PUBLIC KEY-----\n"}) {
    EXPECT_THAT(certificate_blocks(text).whole, SizeIs(0)) << text;
  }
  EXPECT_FALSE(parse_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"));
  EXPECT_FALSE(parse_key(a_));
}

class ClientCertificatePairTest : public ::testing::Test {
 protected:
  static std::string fault(const std::string& chain, const std::string& key) {
    return fault_of({Secret(chain), Secret(key)}).value_or("none");
  }

  const test::TestCertificate authority_ = test::make_authority("ca");
  const test::TestCertificate mine_ = test::make_certificate(
      {.common_name = "me", .use = test::CertificateRequest::Use::Client}, &authority_);
};

TEST_F(ClientCertificatePairTest, A27_APairIsGood) {
  EXPECT_EQ(fault(mine_.certificate, mine_.key), "none");
  EXPECT_EQ(fault(mine_.certificate + authority_.certificate, mine_.key), "none");
  EXPECT_EQ(fault("", ""), "none");
  const std::string both = mine_.key + mine_.certificate;
  EXPECT_EQ(fault(both, both), "none") << "as kubelets keep theirs, in one file";
}

TEST_F(ClientCertificatePairTest, A27_AKeyOfAnotherCertificateIsNone) {
  EXPECT_THAT(fault(mine_.certificate, authority_.key),
              HasSubstr("does not belong to the client certificate"));
  EXPECT_THAT(fault(authority_.certificate + mine_.certificate, mine_.key),
              HasSubstr("does not belong to the client certificate"))
      << "the first one is ours";
}

TEST_F(ClientCertificatePairTest, A27_WhatIsHalfWrittenIsNone) {
  const std::string& chain = mine_.certificate;
  EXPECT_THAT(fault(chain.substr(0, chain.size() / 2), mine_.key), HasSubstr("breaks off"));
  EXPECT_THAT(fault(chain + chain.substr(0, chain.size() / 2), mine_.key), HasSubstr("breaks off"));
  EXPECT_THAT(fault(chain, mine_.key.substr(0, mine_.key.size() / 2)),
              HasSubstr("the client key is no key in PEM"));
  EXPECT_THAT(fault(chain, ""), HasSubstr("the client key is no key in PEM"));
  EXPECT_THAT(fault("", mine_.key), HasSubstr("the client certificate is no certificate"));
}

TEST_F(ClientCertificatePairTest, A27_NobodyIsAskedForAPassword) {
  EXPECT_THAT(fault(mine_.certificate, test::encrypted_key(mine_, "secret")),
              HasSubstr("has a password"));
}

}  // namespace
}  // namespace wherry::api
