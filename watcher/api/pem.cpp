#include "watcher/api/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>

namespace wherry::api {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

struct FreeBio {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio read_from(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Never asks a terminal for a password, which OpenSSL does of its own accord.
int no_password(char*, int, int, void*) { return 0; }

std::string_view without_space_at_end(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

}  // namespace

CertificateBlocks certificate_blocks(std::string_view pem) {
  CertificateBlocks blocks;
  std::optional<std::size_t> begin;
  for (std::size_t at = 0; at < pem.size();) {
    const std::size_t end = std::min(pem.find('\n', at), pem.size());
    const std::string_view line = without_space_at_end(pem.substr(at, end - at));
    if (begin && line.starts_with("-----BEGIN ")) {
      ++blocks.torn;
      begin.reset();
    }
    if (line == kBegin) {
      begin = at;
    } else if (begin && line == kEnd) {
      blocks.whole.push_back(pem.substr(*begin, end - *begin));
      begin.reset();
    } else if (!begin && end == pem.size() && !line.empty() && kBegin.starts_with(line)) {
      ++blocks.torn;  // the text ends within its first line
    }
    at = end + 1;
  }
  if (begin) ++blocks.torn;
  return blocks;
}

void FreePem::operator()(X509* certificate) const noexcept { X509_free(certificate); }
void FreePem::operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

Certificate parse_certificate(std::string_view block) {
  Certificate certificate(PEM_read_bio_X509(read_from(block).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return certificate;
}

PrivateKey parse_key(std::string_view pem) {
  PrivateKey key(PEM_read_bio_PrivateKey(read_from(pem).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace wherry::api
