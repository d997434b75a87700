#include "watcher/api/tls.h"

#include "base/ip_address.h"
#include "watcher/api/certificate_text.h"
#include "watcher/api/pem.h"

#include <boost/asio/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

struct FreeTls {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* session) const noexcept { SSL_free(session); }
};
using Context = std::unique_ptr<SSL_CTX, FreeTls>;
using Session = std::unique_ptr<SSL, FreeTls>;

// Boost keeps the base's destructor from everybody but itself; the one object lives for ever.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class TlsCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tls"; }
  [[nodiscard]] std::string message(int value) const override {
    const char* reason = ERR_reason_error_string(static_cast<unsigned long>(value));
    return reason == nullptr ? "TLS error " + std::to_string(value) : reason;
  }
};
#pragma GCC diagnostic pop

ApiFailure failure(ApiErrc code, std::string text) { return {code, std::move(text)}; }

/// Every certificate of a text; how many. What is none is passed over, as client-go does.
int add_authorities(SSL_CTX* context, std::string_view pem) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  int count = 0;
  for (const std::string_view block : certificate_blocks(pem).whole) {
    const Certificate certificate = parse_certificate(block);
    if (certificate && X509_STORE_add_cert(store, certificate.get()) == 1) ++count;
  }
  ERR_clear_error();
  return count;
}

/// Precondition: fault_of(certificate) has none.
bool show(SSL_CTX* context, const ClientCertificate& certificate) {
  bool is_first = true;
  for (const std::string_view block : certificate_blocks(certificate.chain.view()).whole) {
    Certificate next = parse_certificate(block);
    if (std::exchange(is_first, false)) {
      if (SSL_CTX_use_certificate(context, next.get()) != 1) return false;
    } else if (SSL_CTX_add0_chain_cert(context, next.get()) == 1) {
      static_cast<void>(next.release());
    } else {
      return false;
    }
  }
  return SSL_CTX_use_PrivateKey(context, parse_key(certificate.key.view()).get()) == 1;
}

}  // namespace

const boost::system::error_category& tls_category() noexcept {
  static const TlsCategory category;
  return category;
}

class TlsContext {
 public:
  TlsContext(Context context, std::string authorities_from)
      : context_(std::move(context)), authorities_from_(std::move(authorities_from)) {}

  [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }
  [[nodiscard]] const std::string& authorities_from() const noexcept { return authorities_from_; }

 private:
  Context context_;
  std::string authorities_from_;
};

ApiResult<std::shared_ptr<const TlsContext>> make_tls_context(
    const TlsTrust& trust, const ClientCertificate& certificate) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return failure(ApiErrc::Tls, "OpenSSL can't start");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp11.data(), kHttp11.size());
  if (trust.skip_verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  } else {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    // Go takes each certificate that it is given for an anchor, also one that signed itself for a
    // server, and never looks at a subject's common name for a host.
    X509_VERIFY_PARAM* const parameters = SSL_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (trust.authorities.empty()) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else if (add_authorities(context.get(), trust.authorities) == 0) {
      return failure(ApiErrc::Credentials,
                     trust.authorities_from +
                         " holds no certificate; write the authority's certificate as PEM");
    }
  }
  if (const auto fault = fault_of(certificate)) return failure(ApiErrc::Credentials, *fault);
  if (!certificate.chain.empty() && !show(context.get(), certificate)) {
    // For one, a key that is too short for this OpenSSL's security level.
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    return failure(ApiErrc::Credentials, "OpenSSL does not take the client certificate: " +
                                             tls_category().message(static_cast<int>(error)));
  }
  return std::make_shared<const TlsContext>(std::move(context), trust.authorities.empty()
                                                                    ? "the system's authorities"
                                                                    : trust.authorities_from);
}

namespace {

/// One TLS session over memory BIOs: OpenSSL never sees a socket, so it works over anything.
class TlsTransport final : public Transport {
 public:
  TlsTransport(std::unique_ptr<Transport> lower, std::shared_ptr<const TlsContext> context)
      : lower_(std::move(lower)), context_(std::move(context)), session_(SSL_new(context_->get())) {
    input_ = BIO_new(BIO_s_mem());
    output_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(input_, -1);
    SSL_set_bio(session_.get(), input_, output_);  // takes both
    SSL_set_connect_state(session_.get());
  }

  /// What must stand on the certificate, and what is asked for.
  void expect(const std::string& name, WallTime now) {
    verification_ = {name, context_->authorities_from(), now};
    SSL_set_ex_data(session_.get(), 0, this);
    SSL_set_verify(session_.get(), SSL_CTX_get_verify_mode(context_->get()), &remember_refusal);
    X509_VERIFY_PARAM* const parameters = SSL_get0_param(session_.get());
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(now));
    if (IpAddress::parse(name)) {
      X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str());
      return;
    }
    X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), name.size());
    // What the macro SSL_set_tlsext_host_name() does.
    SSL_ctrl(session_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name.c_str()));
  }

  asio::awaitable<error_code> handshake() {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(session_.get());
      const error_code refused = error_of(result);
      if (const error_code error = co_await flush()) co_return refused ? refused : error;
      if (result == 1) co_return error_code();
      if (refused) co_return refused;
      if (const error_code error = co_await fill()) co_return error;
    }
  }

  asio::awaitable<Result<std::size_t>> read_some(std::span<char> into) override {
    for (;;) {
      std::size_t size = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(session_.get(), into.data(), into.size(), &size);
      if (result == 1) co_return size;
      const error_code refused = error_of(result);
      if (const error_code error = co_await flush()) co_return refused ? refused : error;
      if (refused) co_return refused;
      if (const error_code error = co_await fill()) co_return error;
    }
  }

  asio::awaitable<error_code> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t size = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &size);
      const error_code refused = result == 1 ? error_code() : error_of(result);
      if (const error_code error = co_await flush()) co_return error;
      if (refused) co_return refused;
      bytes.remove_prefix(size);
      if (result == 1) continue;
      if (const error_code error = co_await fill()) co_return error;
    }
    co_return error_code();
  }

  void close() noexcept override { lower_->close(); }

  /// Why the other side's certificate was refused; empty: it was not.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

 private:
  /// OpenSSL asks for each fault that it finds; it then ends the handshake.
  static int remember_refusal(int is_good, X509_STORE_CTX* verifying) {
    if (is_good == 1) return 1;
    const auto* session = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(verifying, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<TlsTransport*>(SSL_get_ex_data(session, 0));
    // Without verification the mode is SSL_VERIFY_NONE, and what is found does not count.
    if (SSL_get_verify_mode(session) == SSL_VERIFY_NONE) return 1;
    if (self->refusal_.empty()) {
      self->refusal_ =
          explain_refusal(X509_STORE_CTX_get_error(verifying),
                          X509_STORE_CTX_get_current_cert(verifying), self->verification_);
    }
    return 0;
  }

  /// Nothing where the session only wants more bytes to come or to go.
  [[nodiscard]] error_code error_of(int result) const {
    switch (SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_NONE:
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return {};
      case SSL_ERROR_ZERO_RETURN:
        return asio::error::eof;
      default:
        break;
    }
    const unsigned long error = ERR_get_error();
    if (error == 0) return asio::error::connection_reset;
    return {static_cast<int>(error), tls_category()};
  }

  asio::awaitable<error_code> flush() {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(output_, &bytes);
    if (size <= 0) co_return error_code();
    // OpenSSL is not called before this is over, so the bytes stay where they are.
    const error_code error = co_await lower_->write({bytes, static_cast<std::size_t>(size)});
    BIO_reset(output_);
    co_return error;
  }

  /// An end that TLS did not announce may be somebody's on the way: no good order (RFC 8446 6.1).
  asio::awaitable<error_code> fill() {
    const Result<std::size_t> size = co_await lower_->read_some(received_);
    if (!size) {
      co_return size.error() == asio::error::eof ? error_code(asio::error::connection_reset)
                                                 : size.error();
    }
    BIO_write(input_, received_.data(), static_cast<int>(*size));
    co_return error_code();
  }

  std::unique_ptr<Transport> lower_;
  std::shared_ptr<const TlsContext> context_;
  Session session_;
  BIO* input_ = nullptr;   ///< the session's
  BIO* output_ = nullptr;  ///< the session's
  Verification verification_;
  std::string refusal_;
  std::array<char, 16384> received_{};
};

}  // namespace

asio::awaitable<ApiResult<std::unique_ptr<Transport>>> start_tls(
    std::unique_ptr<Transport> lower, std::shared_ptr<const TlsContext> context,
    std::string server_name, WallTime now, Timers& timers, Duration timeout) {
  auto tls = std::make_unique<TlsTransport>(std::move(lower), std::move(context));
  tls->expect(server_name, now);
  const Deadline deadline(timers, timeout, *tls);
  const error_code error = co_await tls->handshake();
  if (!error) co_return std::unique_ptr<Transport>(std::move(tls));
  if (deadline.has_passed()) {
    co_return failure(ApiErrc::Timeout,
                      "the TLS handshake with " + server_name +
                          " takes too long: what listens there may not be an API server");
  }
  if (!tls->refusal().empty()) co_return failure(ApiErrc::Tls, tls->refusal());
  if (error == asio::error::connection_reset || error == asio::error::eof) {
    co_return failure(ApiErrc::Reset, server_name +
                                          " ends the connection within the TLS handshake: what "
                                          "listens there may not be an API server");
  }
  co_return failure_of_transport(error, server_name);
}

ApiFailure failure_of_transport(const error_code& error, const std::string& peer) {
  if (error.category() != tls_category()) return failure_of_system(error, "talking to " + peer);
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  return failure(ApiErrc::Tls, explain_handshake_error(reason, error.message(), peer));
}

}  // namespace wherry::api
