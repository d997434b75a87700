#include "watcher/api/certificate_text.h"

#include "base/ip_address.h"
#include "watcher/model/timestamp.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace wherry::api {
namespace {

std::string time_text(const ASN1_TIME* time) {
  std::tm calendar{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &calendar) != 1) return "an unknown time";
  return model::format_timestamp(std::chrono::system_clock::from_time_t(::timegm(&calendar)));
}

std::string name_text(const X509_NAME* name) {
  BIO* const memory = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string text(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
  BIO_free(memory);
  return text;
}

std::string address_text(const ASN1_OCTET_STRING* octets) {
  const unsigned char* const bytes = ASN1_STRING_get0_data(octets);
  std::string text;
  switch (ASN1_STRING_length(octets)) {
    case 4:
      for (int i = 0; i < 4; ++i) text += (i > 0 ? "." : "") + std::to_string(bytes[i]);
      return text;
    case 16: {
      constexpr std::string_view kHex = "0123456789abcdef";
      for (int i = 0; i < 16; ++i) {
        if (i > 0 && i % 2 == 0) text += ':';
        text += kHex[bytes[i] >> 4];
        text += kHex[bytes[i] & 0xf];
      }
      const auto address = IpAddress::parse(text);
      return address ? address->to_string() : text;
    }
    default:
      return "?";
  }
}

/// The names and addresses that a certificate is for.
std::string names_of(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  std::string text;
  constexpr int kMost = 20;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (i == kMost) return text + ", ...";
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    std::string one;
    if (name->type == GEN_DNS) {
      const ASN1_IA5STRING* const dns = name->d.dNSName;
      one.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(dns)),
                 static_cast<std::size_t>(ASN1_STRING_length(dns)));
    } else if (name->type == GEN_IPADD) {
      one = address_text(name->d.iPAddress);
    } else {
      continue;
    }
    text += (text.empty() ? "" : ", ") + one;
  }
  return text.empty() ? "nobody (it has no subjectAltName)" : text;
}

}  // namespace

std::string explain_refusal(int verify_error, const X509* certificate,
                            const Verification& verification) {
  const std::string now = model::format_timestamp(verification.now);
  const std::string subject =
      certificate == nullptr ? std::string("a certificate")
                             : "the certificate " + name_text(X509_get_subject_name(certificate));
  switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return subject + " of the API server expired at " +
             time_text(certificate == nullptr ? nullptr : X509_get0_notAfter(certificate)) +
             "; renew it (kubeadm certs renew), or, if this machine's clock (" + now +
             ") is wrong, set that";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return subject + " of the API server is valid only from " +
             time_text(certificate == nullptr ? nullptr : X509_get0_notBefore(certificate)) +
             ", and this machine's clock says " + now +
             ": the clock is off; set it (timedatectl set-ntp true)";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the API server's certificate is for other names than " + verification.server +
             ": it is for " + (certificate == nullptr ? "?" : names_of(certificate)) +
             "; use one of these as the server's address, or as tls-server-name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return "the API server's certificate is signed by an authority that is not known: it is " +
             (certificate == nullptr ? std::string("?")
                                     : name_text(X509_get_issuer_name(certificate))) +
             ", and the authorities are from " + verification.authorities +
             "; put the authority's certificate there (certificate-authority, or ca.crt of the "
             "service account), or correct the server's address";
    case X509_V_ERR_INVALID_PURPOSE:
      return subject +
             " of the API server is not for servers (extended key usage serverAuth); "
             "have it issued anew";
    default:
      return subject +
             " of the API server is refused: " + X509_verify_cert_error_string(verify_error);
  }
}

std::string explain_handshake_error(int reason, const std::string& message,
                                    const std::string& server) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_MESSAGE:
      return "what answers at " + server +
             " does not speak TLS; give an http:// address if that is meant, or the API server's "
             "own port";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return server + " wants a client certificate; give client-certificate and client-key";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return server + " says that our client certificate has expired; renew it";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return server + " refuses our client certificate (" + message +
             "); have it issued by the authority that the API server trusts";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return server + " speaks no TLS 1.2 or later (" + message + ')';
    default:
      return "the TLS handshake with " + server + " fails: " + message;
  }
}

}  // namespace wherry::api
