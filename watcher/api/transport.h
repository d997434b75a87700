#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/result.h"
#include "watcher/api/api_failure.h"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace wherry::api {

/// A connection that carries bytes both ways. One read and one write at a time, never both from
/// different coroutines. Control thread only.
class Transport {
 public:
  virtual ~Transport() = default;

  /// At least one byte; asio::error::eof where the other side has ended in good order.
  [[nodiscard]] virtual asio::awaitable<Result<std::size_t>> read_some(std::span<char> into) = 0;
  /// All of them, or an error.
  [[nodiscard]] virtual asio::awaitable<error_code> write(std::string_view bytes) = 0;
  /// Ends what is under way with an error, and everything after it.
  virtual void close() noexcept = 0;
};

/// Makes connections to one API server: through its proxy, with its TLS. One connect() at a time.
class Dialer {
 public:
  virtual ~Dialer() = default;

  [[nodiscard]] virtual asio::awaitable<ApiResult<std::unique_ptr<Transport>>> connect() = 0;
  /// Ends the connect() that is under way, and every one after it, with Stopped.
  virtual void stop() = 0;
};

/// Closes a transport when its time is over, for as long as this lives.
class Deadline {
 public:
  Deadline(Timers& timers, Duration duration, Transport& transport)
      : timer_(timers.schedule(duration, [this, &transport] {
          has_passed_ = true;
          transport.close();
        })) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] bool has_passed() const noexcept { return has_passed_; }

 private:
  bool has_passed_ = false;
  Timer timer_;
};

}  // namespace wherry::api
