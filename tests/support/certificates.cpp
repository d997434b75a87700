#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <stdexcept>

namespace wherry::test {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Extension = std::unique_ptr<X509_EXTENSION, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

void must(bool well, const char* what) {
  if (!well) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

Bio memory(const std::string& text = {}) {
  Bio bio(BIO_new(BIO_s_mem()));
  must(bio != nullptr, "BIO_new");
  if (!text.empty()) BIO_write(bio.get(), text.data(), static_cast<int>(text.size()));
  return bio;
}

std::string text_of(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Key parse_key(const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(memory(pem).get(), nullptr, nullptr, nullptr));
  must(key != nullptr, "a test's key");
  return key;
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

std::string alternative_names(const CertificateRequest& request) {
  std::string text;
  for (const std::string& name : request.names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& ip : request.addresses) text += (text.empty() ? "IP:" : ",IP:") + ip;
  return text;
}

void set_time(ASN1_TIME* into, WallTime time) {
  must(ASN1_TIME_set(into, std::chrono::system_clock::to_time_t(time)) != nullptr, "a time");
}

}  // namespace

TestCertificate make_certificate(const CertificateRequest& request, const TestCertificate* issuer) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  must(key && made, "a new certificate");
  Certificate signer;
  if (issuer != nullptr) {
    signer.reset(PEM_read_bio_X509(memory(issuer->certificate).get(), nullptr, nullptr, nullptr));
    must(signer != nullptr, "a test's issuer");
  }
  static long serial = 0;
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  set_time(X509_getm_notBefore(made.get()), request.from);
  set_time(X509_getm_notAfter(made.get()), request.until);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(request.common_name.c_str()),
                             -1, -1, 0);
  X509* const by = signer ? signer.get() : made.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(by));

  const bool is_authority = request.use == CertificateRequest::Use::Authority;
  add(made.get(), by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (is_authority) {
    add(made.get(), by, NID_key_usage, "critical,keyCertSign");
  } else {
    add(made.get(), by, NID_ext_key_usage,
        request.use == CertificateRequest::Use::Server ? "serverAuth" : "clientAuth");
  }
  const std::string names = alternative_names(request);
  if (!names.empty()) add(made.get(), by, NID_subject_alt_name, names);
  const Key issuers = issuer == nullptr ? Key() : parse_key(issuer->key);
  EVP_PKEY* const signing = issuers ? issuers.get() : key.get();
  must(X509_sign(made.get(), signing, EVP_sha256()) > 0, "signing");

  const Bio certificate = memory();
  const Bio private_key = memory();
  PEM_write_bio_X509(certificate.get(), made.get());
  PEM_write_bio_PrivateKey(private_key.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate), text_of(private_key)};
}

TestCertificate make_authority(const std::string& common_name, const TestCertificate* issuer) {
  CertificateRequest request{.common_name = common_name, .use = CertificateRequest::Use::Authority};
  request.until += std::chrono::hours(24 * 28);
  return make_certificate(request, issuer);
}

std::string encrypted_key(const TestCertificate& certificate, const std::string& password) {
  const Bio bio = memory();
  PEM_write_bio_PrivateKey(bio.get(), parse_key(certificate.key).get(), EVP_aes_128_cbc(),
                           reinterpret_cast<const unsigned char*>(password.data()),
                           static_cast<int>(password.size()), nullptr, nullptr);
  return text_of(bio);
}

}  // namespace wherry::test
