#include "tests/support/tls_server.h"

#include "base/async/task_group.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <list>
#include <stdexcept>
#include <utility>

namespace wherry::test {
namespace {

using tcp = asio::ip::tcp;

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> reader(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Owned<X509> next_certificate(BIO* bio) {
  return Owned<X509>(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
}

Owned<SSL_CTX> make_context(const TlsServer::Options& options) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  if (options.newest_version != 0) {
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), options.newest_version);
  }
  const auto chain = reader(options.shown.certificate);
  const auto own = next_certificate(chain.get());
  bool is_good = SSL_CTX_use_certificate(context.get(), own.get()) == 1;
  while (auto next = next_certificate(chain.get())) {
    SSL_CTX_add0_chain_cert(context.get(), next.release());
  }
  const auto bio = reader(options.shown.key);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  is_good = is_good && SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1;
  if (!is_good) throw std::runtime_error("the test's server has no good certificate");
  if (!options.client_authority.empty()) {
    const auto authority = next_certificate(reader(options.client_authority).get());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
    // What a test's clock says of it is the client's affair.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_NO_CHECK_TIME);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  ERR_clear_error();
  return context;
}

std::string common_name(const X509* certificate) {
  std::array<char, 256> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(),
                            static_cast<int>(text.size()));
  return text.data();
}

}  // namespace

struct TlsServer::State {
  /// One client's connection.
  struct Client {
    Client(tcp::socket accepted, SSL_CTX* context)
        : socket(std::move(accepted)), session(SSL_new(context)) {
      input = BIO_new(BIO_s_mem());
      output = BIO_new(BIO_s_mem());
      BIO_set_mem_eof_return(input, -1);
      SSL_set_bio(session.get(), input, output);
      SSL_set_accept_state(session.get());
    }
    tcp::socket socket;
    Owned<SSL> session;
    BIO* input = nullptr;   ///< the session's
    BIO* output = nullptr;  ///< the session's
  };

  State(asio::io_context& loop, const Options& options)
      : acceptor(loop, tcp::endpoint(options.family == IpFamily::IPv4
                                         ? asio::ip::address(asio::ip::address_v4::loopback())
                                         : asio::ip::address(asio::ip::address_v6::loopback()),
                                     0)),
        tasks(loop) {}

  asio::awaitable<void> flush(Client* client) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(client->output, &bytes);
    if (size <= 0) co_return;
    const std::string copy(bytes, static_cast<std::size_t>(size));
    BIO_reset(client->output);
    boost::system::error_code ignored;  // the next read tells
    co_await asio::async_write(client->socket, asio::buffer(copy),
                               asio::redirect_error(asio::use_awaitable, ignored));
  }

  /// Until the client is gone.
  asio::awaitable<void> serve(TlsServer* server, std::list<Client>::iterator client) {
    SSL* const session = client->session.get();
    std::array<char, 4096> bytes{};
    bool is_greeted = false;
    for (;;) {
      ERR_clear_error();
      int result = is_greeted ? SSL_read(session, bytes.data(), static_cast<int>(bytes.size()))
                              : SSL_do_handshake(session);
      const int wants = SSL_get_error(session, result);
      bool is_over = result <= 0 && wants != SSL_ERROR_WANT_READ;
      if (!is_greeted && result == 1) {
        is_greeted = true;
        server->on_handshake(session);
        SSL_write(session, "hello", 5);
        if (server->options_.says_goodbye) SSL_shutdown(session);
        is_over = server->options_.says_goodbye || server->options_.hangs_up;
      }
      co_await flush(&*client);
      if (is_over) break;
      if (result > 0) continue;
      boost::system::error_code error;
      const std::size_t size = co_await client->socket.async_read_some(
          asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      BIO_write(client->input, bytes.data(), static_cast<int>(size));
    }
    boost::system::error_code ignored;
    client->socket.shutdown(tcp::socket::shutdown_send, ignored);
    clients.erase(client);
  }

  Owned<SSL_CTX> context;
  tcp::acceptor acceptor;
  std::list<Client> clients;
  TaskGroup tasks;
};

TlsServer::TlsServer(asio::io_context& loop, Options options)
    : options_(std::move(options)), state_(std::make_unique<State>(loop, options_)) {
  state_->context = make_context(options_);
  state_->tasks.spawn("accept", accept());
}

TlsServer::~TlsServer() = default;

std::uint16_t TlsServer::port() const { return state_->acceptor.local_endpoint().port(); }

void TlsServer::on_handshake(void* opaque) {
  SSL* const session = static_cast<SSL*>(opaque);
  ++handshakes_;
  const char* const name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  asked_for_ = name == nullptr ? "" : name;
  const Owned<X509> peer(SSL_get1_peer_certificate(session));
  client_ = peer ? common_name(peer.get()) : "";
}

void TlsServer::show(TestCertificate certificate) {
  options_.shown = std::move(certificate);
  state_->context = make_context(options_);
}

asio::awaitable<void> TlsServer::accept() {
  State& state = *state_;
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await state.acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    state.clients.emplace_front(std::move(socket), state.context.get());
    state.tasks.spawn("serve", state.serve(this, state.clients.begin()));
  }
}

bool TlsServer::idle() const { return state_->tasks.idle(); }

void TlsServer::stop() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  for (State::Client& client : state_->clients) client.socket.close(ignored);
}

}  // namespace wherry::test
