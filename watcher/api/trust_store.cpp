#include "watcher/api/trust_store.h"

#include "base/log.h"
#include "base/read_file.h"
#include "watcher/api/pem.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace wherry::api {
namespace {

constexpr std::size_t kLargest = 4u << 20;

}  // namespace

ApiResult<std::shared_ptr<const TlsContext>> TrustStore::context(
    const ClientCertificate& certificate) {
  if (auto failure = read_again()) return *failure;
  if (context_ && certificate == certificate_) return context_;
  const Secret& text = access_.certificate_authority.text;
  auto made =
      make_tls_context({.authorities = text.empty() ? std::string_view(authorities_) : text.view(),
                        .authorities_from = source(),
                        .skip_verify = access_.skip_verify},
                       certificate);
  if (!made) return made.error();
  context_ = *made;
  certificate_ = certificate;
  return context_;
}

/// For messages.
std::string TrustStore::source() const {
  const FileOrText& authority = access_.certificate_authority;
  return authority.text.empty() ? authority.file
                                : "certificate-authority-data of " + access_.origin;
}

/// Looks at the file, where there is one. A failure if there are no authorities to go on with.
std::optional<ApiFailure> TrustStore::read_again() {
  const FileOrText& authority = access_.certificate_authority;
  if (!authority.text.empty() || authority.file.empty()) return std::nullopt;
  auto text = read_file(authority.file, kLargest);
  std::string fault;
  if (!text) {
    fault = text.error().message();
  } else if (text->empty()) {
    fault = "it is empty";
  } else if (*text != authorities_) {
    fault = take(std::move(*text));
  }
  if (!fault.empty() && authorities_.empty()) {
    return ApiFailure{ApiErrc::Credentials,
                      "the certificate authority can't be read: " + authority.file + ": " + fault};
  }
  if (!fault.empty() && fault != fault_) {
    log::warn("the certificate authority can't be read again; the last one stays in use",
              {{"file", authority.file}, {"reason", fault}});
  }
  fault_ = std::move(fault);
  return std::nullopt;
}

/// The file's new text in place of the old one, or why not.
std::string TrustStore::take(std::string text) {
  const CertificateBlocks blocks = certificate_blocks(text);
  const auto good = static_cast<std::size_t>(
      std::count_if(blocks.whole.begin(), blocks.whole.end(),
                    [](auto block) { return parse_certificate(block) != nullptr; }));
  const std::size_t broken = blocks.torn + blocks.whole.size() - good;
  std::string fault;
  if (good == 0) {
    fault = "it holds no certificate; write the authority's certificate as PEM";
  } else if (broken > 0 && !authorities_.empty()) {
    fault = std::to_string(broken) +
            " of its blocks are no certificates: it may be half written; put a whole file in its "
            "place";
  }
  if (!fault.empty()) {
    if (!authorities_.empty() && text != refused_) ++reloads_.failed;
    refused_ = std::move(text);
    return fault;
  }
  if (!authorities_.empty()) {
    ++reloads_.good;
    log::info("the certificate authority has been read anew",
              {{"file", access_.certificate_authority.file}});
  } else if (broken > 0) {
    log::warn("some blocks of the certificate authority are no certificates and are passed over",
              {{"file", access_.certificate_authority.file}, {"blocks", broken}});
  }
  authorities_ = std::move(text);
  refused_.clear();
  context_.reset();
  return fault;
}

}  // namespace wherry::api
