#include "watcher/api/trust_store.h"

#include "base/log.h"
#include "base/read_file.h"

#include <utility>

namespace wherry::api {

ApiResult<std::shared_ptr<const TlsContext>> TrustStore::context(
    const ClientCertificate& certificate) {
  const FileOrText& source = access_.certificate_authority;
  TlsTrust trust{.authorities = authorities_,
                 .authorities_from = source.file,
                 .skip_verify = access_.skip_verify};
  if (!source.text.empty()) {
    trust.authorities = source.text.view();
    trust.authorities_from = "certificate-authority-data of " + access_.origin;
  }
  std::string read;
  if (source.text.empty() && !source.file.empty()) {
    constexpr std::size_t kLargest = 4u << 20;
    auto text = read_file(source.file, kLargest);
    const std::string reason = !text ? text.error().message() : text->empty() ? "it is empty" : "";
    if (text && !text->empty()) read = std::move(*text);
    if (!reason.empty() && authorities_.empty()) {
      return ApiFailure{ApiErrc::Credentials,
                        "the certificate authority can't be read: " + source.file + ": " + reason};
    }
    if (!reason.empty()) {
      log::warn("the certificate authority can't be read again; the last one stays in use",
                {{"file", source.file}, {"reason", reason}});
    } else {
      trust.authorities = read;
    }
  }
  const bool is_news = !read.empty() && read != authorities_ && read != refused_;
  if (!read.empty() && read == refused_) trust.authorities = authorities_;
  if (context_ && !is_news && certificate == certificate_) return context_;

  auto made = make_tls_context(trust, certificate);
  if (!made && is_news && !authorities_.empty()) {
    ++reloads_.failed;
    log::warn("the certificate authority has become unusable; the last one stays in use",
              {{"file", source.file}, {"reason", made.error().text}});
    refused_ = std::move(read);
    trust.authorities = authorities_;
    made = make_tls_context(trust, certificate);
  } else if (made && is_news) {
    if (!authorities_.empty()) {
      ++reloads_.good;
      log::info("the certificate authority has been read anew", {{"file", source.file}});
    }
    authorities_ = std::move(read);
    refused_.clear();
  }
  if (!made) return made.error();
  context_ = *made;
  certificate_ = certificate;
  return context_;
}

}  // namespace wherry::api
