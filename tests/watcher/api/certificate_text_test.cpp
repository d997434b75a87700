#include "watcher/api/certificate_text.h"

#include "tests/support/certificates.h"
#include "watcher/api/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>

/// What is said of a certificate, and by what remedy each of the texts can be told from the others.
namespace wherry::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const Verification kVerification{"api.test", "/etc/ca.crt",
                                 WallTime(std::chrono::seconds(1767225600))};

std::string refusal(int error, const test::CertificateRequest& request) {
  const Certificate certificate = parse_certificate(test::make_certificate(request).certificate);
  return explain_refusal(error, certificate.get(), kVerification);
}

TEST(CertificateText, ExpiredSaysSinceWhenAndWhatTimeItIs) {
  EXPECT_THAT(refusal(X509_V_ERR_CERT_HAS_EXPIRED, {.common_name = "server"}),
              AllOf(HasSubstr("CN=server"), HasSubstr("2026-02-01T00:00:00Z"),
                    HasSubstr("clock (2026-01-01T00:00:00Z)"), HasSubstr("renew it")));
}

TEST(CertificateText, NotYetValidBlamesTheClock) {
  EXPECT_THAT(refusal(X509_V_ERR_CERT_NOT_YET_VALID, {.common_name = "server"}),
              AllOf(HasSubstr("2025-12-01T00:00:00Z"), HasSubstr("2026-01-01T00:00:00Z"),
                    HasSubstr("the clock is off")));
}

TEST(CertificateText, AWrongNameListsTheRightOnes) {
  EXPECT_THAT(refusal(X509_V_ERR_HOSTNAME_MISMATCH, {.common_name = "server",
                                                     .names = {"a.test", "*.b.test"},
                                                     .addresses = {"10.0.0.1", "fd00::a:1"}}),
              AllOf(HasSubstr("other names than api.test"),
                    HasSubstr("for a.test, *.b.test, 10.0.0.1, fd00::a:1;")));
}

TEST(CertificateText, ALongListOfNamesIsCut) {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back('n' + std::to_string(i) + ".test");
  EXPECT_THAT(refusal(X509_V_ERR_HOSTNAME_MISMATCH, {.common_name = "s", .names = names}),
              AllOf(HasSubstr("n19.test, ...;"), Not(HasSubstr("n20.test"))));
}

TEST(CertificateText, NoNamesAtAllIsSaid) {
  EXPECT_THAT(refusal(X509_V_ERR_IP_ADDRESS_MISMATCH, {.common_name = "api.test"}),
              HasSubstr("nobody (it has no subjectAltName)"));
}

TEST(CertificateText, EachWayOfAnUnknownAuthorityNamesBoth) {
  for (const int error :
       {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE,
        X509_V_ERR_CERT_UNTRUSTED}) {
    EXPECT_THAT(refusal(error, {.common_name = "someone"}),
                AllOf(HasSubstr("it is CN=someone"), HasSubstr("from /etc/ca.crt")))
        << error;
  }
}

TEST(CertificateText, WhatIsNotForServersIsSaid) {
  EXPECT_THAT(refusal(X509_V_ERR_INVALID_PURPOSE, {.common_name = "server"}),
              HasSubstr("serverAuth"));
}

TEST(CertificateText, AnythingElseIsInOpenSslsWords) {
  EXPECT_THAT(refusal(X509_V_ERR_CERT_REVOKED, {.common_name = "server"}),
              HasSubstr("certificate revoked"));
}

TEST(CertificateText, WithoutACertificateSomethingIsSaidAllTheSame) {
  for (const int error :
       {X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_HOSTNAME_MISMATCH,
        X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_UNSPECIFIED}) {
    EXPECT_THAT(explain_refusal(error, nullptr, kVerification), HasSubstr("API server")) << error;
  }
}

struct Case {
  int reason;
  const char* words;
};

TEST(CertificateText, EachFailureOfAHandshakeHasItsRemedy) {
  for (const Case& each :
       {Case{SSL_R_WRONG_VERSION_NUMBER, "server does not speak TLS; give an http:// address"},
        Case{SSL_R_HTTP_REQUEST, "does not speak TLS"},
        Case{SSL_R_PACKET_LENGTH_TOO_LONG, "does not speak TLS"},
        Case{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "wants a client certificate; give"},
        Case{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "has expired; renew it"},
        Case{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "refuses our client certificate (words); have it"},
        Case{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "refuses our client certificate"},
        Case{SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "refuses our client certificate"},
        Case{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "speaks no TLS 1.2 or later (words)"},
        Case{SSL_R_UNSUPPORTED_PROTOCOL, "speaks no TLS 1.2 or later"},
        Case{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "handshake with server fails: words"}}) {
    EXPECT_THAT(explain_handshake_error(each.reason, "words", "server"), HasSubstr(each.words))
        << each.reason;
  }
}

}  // namespace
}  // namespace wherry::api
