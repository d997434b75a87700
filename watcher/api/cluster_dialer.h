#pragma once

#include "base/clock.h"
#include "watcher/api/access.h"
#include "watcher/api/credentials.h"
#include "watcher/api/tcp_transport.h"
#include "watcher/api/transport.h"
#include "watcher/api/trust_store.h"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace wherry::api {

/// Dials an API server: name, TCP, proxy, TLS. Control thread only.
class ClusterDialer final : public Dialer {
 public:
  /// All but the loop are shared with the dialers of other resources, and outlive them.
  ClusterDialer(asio::io_context& loop, const ClusterAccess& access, Credentials& credentials,
                TrustStore& trust, Timers& timers, const Clock& clock);
  ~ClusterDialer() override;

  [[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<Transport>>> connect() override;
  void stop() override;

 private:
  [[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<Transport>>> connect_to_proxy();
  [[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<Transport>>> secure(
      std::unique_ptr<Transport> plain, ClientCertificate certificate);

  const ClusterAccess& access_;
  Credentials& credentials_;
  TrustStore& trust_;
  Timers& timers_;
  const Clock& clock_;
  TcpConnector connector_;
  Transport* handshaking_ = nullptr;  ///< while it is shaken hands over
  bool stopping_ = false;
};

}  // namespace wherry::api
