#pragma once

#include "base/async/asio.h"
#include "base/async/task_group.h"
#include "base/duration.h"
#include "base/result.h"
#include "base/socket_address.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wherry::http {

/// What one client, and all together, may cost.
struct ServerLimits {
  /// Connections at once, over all ports. The next takes the place of one that has no request under
  /// way; where all have, it is answered 503.
  std::size_t clients = 64;
  std::size_t header_bytes = 8192;
  std::size_t body_bytes = 0;                 ///< of a PUT; no other request may have a body
  Duration idle = std::chrono::seconds(15);   ///< for a request to arrive in full
  Duration write = std::chrono::seconds(30);  ///< for a client to take an answer
};

/// What a client asked for. Requests with a body that ServerLimits does not allow never get this
/// far.
struct Request {
  std::string method;  ///< "GET", as the client wrote it
  std::string path;    ///< "/readyz"; of the absolute form, "http://host/readyz", too
  std::string query;   ///< what follows '?', undecoded
  std::string accept;  ///< the header Accept; empty where there is none
  std::string body;    ///< of a PUT
};

/// An answer; Content-Length, Connection and X-Content-Type-Options: nosniff are the server's.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< further ones
};

/// Answers the requests that come in through one port, on the server's loop.
using Handler = std::function<asio::awaitable<Response>(Request)>;

/// A Handler out of a function that knows its answer at once.
[[nodiscard]] Handler at_once(std::function<Response(const Request&)> answer);

/// Whom a port on a wildcard address is for.
enum class Reach {
  OwnFamily,     ///< clients of the address's own family
  BothFamilies,  ///< everybody, as Go's net.Listen("tcp") does it with 0.0.0.0 and with ::
};

/// HTTP/1.1 on any number of ports: bounded clients, requests and times, whatever clients send.
///
/// One loop, whose thread alone calls it. stop(), then run the loop until idle(), before it is
/// destroyed; what handlers use lives until then.
class Server {
 public:
  explicit Server(asio::io_context& loop, ServerLimits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens, and serves as the loop runs. The address that was opened: with the port that was
  /// found where 0 was asked for. The error says why not (address_in_use, permission_denied, ...).
  [[nodiscard]] Result<SocketAddress> open(const SocketAddress& address, Reach reach,
                                           Handler handler);
  /// Closes what open() returned, and cuts who came in through it. The port is free at once.
  void close(const SocketAddress& opened);
  /// Closes all. Nothing is opened afterwards.
  void stop();
  [[nodiscard]] bool idle() const noexcept { return tasks_.idle(); }
  /// How many ports are open.
  [[nodiscard]] std::size_t ports() const noexcept { return listeners_.size(); }

 private:
  class Listener;
  class Client;

  [[nodiscard]] asio::awaitable<void> accept(std::shared_ptr<Listener> listener);
  [[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<Listener> listener,
                                            std::unique_ptr<Client> client);
  bool make_room();
  void shut(Listener& listener);

  asio::io_context& loop_;
  const ServerLimits limits_;
  TaskGroup tasks_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<Client*> clients_;  ///< in the order in which they came
};

}  // namespace wherry::http
