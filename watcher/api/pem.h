#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

struct x509_st;      // OpenSSL's X509
struct evp_pkey_st;  // OpenSSL's EVP_PKEY

/// PEM texts (RFC 7468), which may have been read while somebody wrote them. Pure.
namespace wherry::api {

struct CertificateBlocks {
  std::vector<std::string_view> whole;  ///< from BEGIN to END, in the text's order
  std::size_t torn = 0;                 ///< how many begin and do not end
};

/// The certificates in a text, as far as their first and last lines tell. Other blocks and what
/// stands between are passed over, and a torn block takes no other with it (client-go's way).
[[nodiscard]] CertificateBlocks certificate_blocks(std::string_view pem);

struct FreePem {
  void operator()(x509_st* certificate) const noexcept;
  void operator()(evp_pkey_st* key) const noexcept;
};
using Certificate = std::unique_ptr<x509_st, FreePem>;
using PrivateKey = std::unique_ptr<evp_pkey_st, FreePem>;

/// Null where a whole block is no certificate all the same.
[[nodiscard]] Certificate parse_certificate(std::string_view block);
/// The first key of a text; null where there is none, or it has a password: nobody is asked for
/// one.
[[nodiscard]] PrivateKey parse_key(std::string_view pem);

}  // namespace wherry::api
