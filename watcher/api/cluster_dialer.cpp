#include "watcher/api/cluster_dialer.h"

#include "watcher/api/proxy_handshake.h"

#include <chrono>
#include <utility>

namespace wherry::api {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(30);    // A17
constexpr Duration kHandshakeTimeout = std::chrono::seconds(10);  // A17

}  // namespace

ClusterDialer::ClusterDialer(asio::io_context& loop, const ClusterAccess& access,
                             Credentials& credentials, TrustStore& trust, Timers& timers,
                             const Clock& clock)
    : access_(access),
      credentials_(credentials),
      trust_(trust),
      timers_(timers),
      clock_(clock),
      connector_(loop, timers) {}

ClusterDialer::~ClusterDialer() = default;

asio::awaitable<ApiResult<std::unique_ptr<Transport>>> ClusterDialer::connect() {
  const ServerUrl& server = access_.server;
  ClientCertificate certificate;
  if (server.tls) {
    auto shown = co_await credentials_.client_certificate();
    if (!shown) co_return shown.error();
    certificate = std::move(*shown);
  }
  // Not with ?:, in which g++ 12 loses what co_await returns.
  ApiResult<std::unique_ptr<Transport>> plain = stopped();
  if (access_.proxy) {
    plain = co_await connect_to_proxy();
  } else {
    plain = co_await connector_.connect(server.host, server.port, kConnectTimeout);
  }
  if (stopping_) co_return stopped();
  if (!plain || !server.tls) co_return plain;
  co_return co_await secure(std::move(*plain), std::move(certificate));
}

asio::awaitable<ApiResult<std::unique_ptr<Transport>>> ClusterDialer::connect_to_proxy() {
  const ProxyUrl& proxy = *access_.proxy;
  auto connected = co_await connector_.connect(proxy.host, proxy.port, kConnectTimeout);
  if (!connected) {
    ApiFailure failure = connected.error();
    failure.text = "the proxy " + proxy.to_string() + ": " + failure.text;
    co_return failure;
  }
  if (proxy.kind == ProxyUrl::Kind::Https) {
    // A proxy's certificate comes from the system's authorities, as Go has it.
    auto context = make_tls_context({}, {});
    if (!context) co_return context.error();
    handshaking_ = connected->get();
    auto secured = co_await start_tls(std::move(*connected), *context, proxy.host, clock_.wall(),
                                      timers_, kHandshakeTimeout);
    handshaking_ = nullptr;
    if (!secured) {
      co_return ApiFailure{ApiErrc::Proxy,
                           "the proxy " + proxy.to_string() + ": " + secured.error().text};
    }
    connected = std::move(secured);
  }
  handshaking_ = connected->get();
  ProxyHandshake handshake(**connected, proxy, access_.server, timers_);
  const auto refused = co_await handshake.run();
  handshaking_ = nullptr;
  if (refused) co_return *refused;
  co_return connected;
}

asio::awaitable<ApiResult<std::unique_ptr<Transport>>> ClusterDialer::secure(
    std::unique_ptr<Transport> plain, ClientCertificate certificate) {
  auto context = trust_.context(certificate);
  if (!context) co_return context.error();
  const std::string& name =
      access_.tls_server_name.empty() ? access_.server.host : access_.tls_server_name;
  handshaking_ = plain.get();
  auto secured = co_await start_tls(std::move(plain), *context, name, clock_.wall(), timers_,
                                    kHandshakeTimeout);
  handshaking_ = nullptr;
  if (stopping_) co_return stopped();
  co_return secured;
}

void ClusterDialer::stop() {
  stopping_ = true;
  connector_.stop();
  if (handshaking_ != nullptr) handshaking_->close();
}

}  // namespace wherry::api
