#pragma once

#include "base/async/asio.h"
#include "base/unique_fd.h"
#include "proxy/tcp/handler_memory.h"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cerrno>
#include <tuple>
#include <utility>

namespace wherry::tcp {

/// One side of a session: a non-blocking socket that Asio watches. Data moves by plain recv() and
/// send(); Asio only says when. Belongs to one worker.
class Wire {
 public:
  using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

  explicit Wire(asio::io_context& loop) : descriptor_(loop) {}

  /// Takes the socket over. After connect() was called on it: a socket that is not connecting yet
  /// would count as hung up. False, with errno, where it can't be watched (epoll_ctl(2): memory,
  /// or the limit on watches); the socket is closed then.
  [[nodiscard]] bool assign(UniqueFd socket) noexcept {
    boost::system::error_code error;
    descriptor_.assign(socket.get(), error);
    if (error) {
      errno = error.value();
      return false;
    }
    std::ignore = socket.release();
    return true;
  }

  [[nodiscard]] bool is_open() const noexcept { return descriptor_.is_open(); }
  [[nodiscard]] int fd() noexcept { return descriptor_.native_handle(); }

  /// Pending waits end with an error soon; the socket is closed now.
  void close() noexcept {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  /// The wait that an idle session has pending; it needs no memory of its own.
  template <class Handler>
  void wait_readable(Handler&& handler) {
    descriptor_.async_wait(
        Descriptor::wait_read,
        asio::bind_allocator(HandlerAllocator<void>(memory_), std::forward<Handler>(handler)));
  }
  template <class Handler>
  void wait_writable(Handler&& handler) {
    descriptor_.async_wait(Descriptor::wait_write, std::forward<Handler>(handler));
  }
  /// For a socket that nobody reads at the moment: tells of a reset.
  template <class Handler>
  void wait_error(Handler&& handler) {
    descriptor_.async_wait(Descriptor::wait_error, std::forward<Handler>(handler));
  }

 private:
  Descriptor descriptor_;
  HandlerMemory memory_;
};

}  // namespace wherry::tcp
