#include "watcher/api/client_certificate.h"

#include "watcher/api/pem.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>

namespace wherry::api {

std::optional<std::string> fault_of(const ClientCertificate& certificate) {
  if (certificate.chain.empty() && certificate.key.empty()) return std::nullopt;
  const CertificateBlocks blocks = certificate_blocks(certificate.chain.view());
  if (blocks.torn > 0) return "the client certificate is PEM that breaks off";
  if (blocks.whole.empty() ||
      !std::all_of(blocks.whole.begin(), blocks.whole.end(),
                   [](auto block) { return parse_certificate(block) != nullptr; })) {
    return "the client certificate is no certificate in PEM";
  }
  const PrivateKey key = parse_key(certificate.key.view());
  if (!key) {
    return "the client key is no key in PEM, or has a password, which wherry can't ask for";
  }
  const Certificate own = parse_certificate(blocks.whole.front());
  const bool is_its_own = X509_check_private_key(own.get(), key.get()) == 1;
  ERR_clear_error();
  if (!is_its_own) return "the client key does not belong to the client certificate";
  return std::nullopt;
}

}  // namespace wherry::api
