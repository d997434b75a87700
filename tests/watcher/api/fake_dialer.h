#pragma once

#include "base/async/asio.h"
#include "base/async/wakeup.h"
#include "watcher/api/transport.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::test {

/// The server's end of a connection that is no socket: what a test writes here the client reads,
/// in the pieces in which it was written.
class FakePeer {
 public:
  explicit FakePeer(asio::io_context& loop) : wakeup_(loop) {}

  // --- the server's side ---

  void send(std::string bytes) {
    pieces_.push_back(std::move(bytes));
    wakeup_.wake();
  }
  /// One byte at a time.
  void drip(std::string_view bytes) {
    for (const char c : bytes) send(std::string(1, c));
  }
  /// Bytes without end: `make` fills what it is given, each time.
  void send_for_ever(std::function<void(std::span<char>)> make) {
    endless_ = std::move(make);
    wakeup_.wake();
  }
  /// Ends that, from within `make`: the connection stays open.
  void end_quietly() { is_enough_ = true; }
  /// In good order, after what was sent.
  void end() { end_with(asio::error::eof); }
  void reset() { end_with(asio::error::connection_reset); }

  /// Everything that the client has written.
  [[nodiscard]] const std::string& received() const { return received_; }
  std::string take_received() { return std::exchange(received_, {}); }
  [[nodiscard]] bool is_closed_by_client() const { return closed_; }
  /// How many bytes the client has read.
  [[nodiscard]] std::size_t bytes_read() const { return bytes_read_; }
  void on_received(std::function<void()> callback) { on_received_ = std::move(callback); }

 private:
  friend class FakeTransport;

  void end_with(error_code error) {
    end_ = error;
    wakeup_.wake();
  }

  Wakeup wakeup_;
  std::deque<std::string> pieces_;
  std::function<void(std::span<char>)> endless_;
  bool is_enough_ = false;  ///< of what is sent for ever
  std::optional<error_code> end_;
  std::string received_;
  std::function<void()> on_received_;
  std::size_t bytes_read_ = 0;
  bool closed_ = false;
};

/// The client's end.
class FakeTransport final : public api::Transport {
 public:
  explicit FakeTransport(std::shared_ptr<FakePeer> peer) : peer_(std::move(peer)) {}
  ~FakeTransport() override { close(); }

  asio::awaitable<Result<std::size_t>> read_some(std::span<char> into) override {
    FakePeer& peer = *peer_;
    while (!peer.closed_ && peer.pieces_.empty() && !peer.endless_ && !peer.end_) {
      co_await peer.wakeup_.wait();
    }
    if (peer.closed_) co_return error_code(asio::error::operation_aborted);
    if (peer.pieces_.empty() && peer.endless_) {
      peer.endless_(into);
      peer.bytes_read_ += into.size();
      if (peer.is_enough_) peer.endless_ = {};
      co_return into.size();
    }
    if (peer.pieces_.empty()) co_return *peer.end_;
    std::string& piece = peer.pieces_.front();
    const std::size_t size = std::min(into.size(), piece.size());
    std::copy_n(piece.begin(), size, into.begin());
    piece.erase(0, size);
    if (piece.empty()) peer.pieces_.pop_front();
    peer.bytes_read_ += size;
    co_return size;
  }

  asio::awaitable<error_code> write(std::string_view bytes) override {
    if (peer_->closed_) co_return asio::error::operation_aborted;
    if (peer_->end_ == error_code(asio::error::connection_reset)) {
      co_return asio::error::broken_pipe;
    }
    if (peer_->end_) co_return error_code();  // nobody reads it
    peer_->received_ += bytes;
    if (peer_->on_received_) peer_->on_received_();
    co_return error_code();
  }

  void close() noexcept override {
    peer_->closed_ = true;
    peer_->wakeup_.wake();
  }

 private:
  std::shared_ptr<FakePeer> peer_;
};

/// Connects to nobody: a test, or a fake server, has the other ends.
class FakeDialer final : public api::Dialer {
 public:
  using OnConnect = std::function<void(const std::shared_ptr<FakePeer>&)>;

  /// `peers` outlives the dialer where it is given: a ListWatch owns its dialer, tests look on.
  struct Wire {
    std::vector<std::shared_ptr<FakePeer>> peers;
    std::deque<api::ApiFailure> failures;  ///< of the next connects
    OnConnect on_connect;
  };

  FakeDialer(asio::io_context& loop, Wire& wire) : loop_(loop), wire_(wire) {}

  asio::awaitable<api::ApiResult<std::unique_ptr<api::Transport>>> connect() override {
    if (stopping_) co_return api::ApiFailure{api::ApiErrc::Stopped, {}, {}, 0};
    if (!wire_.failures.empty()) {
      api::ApiFailure failure = std::move(wire_.failures.front());
      wire_.failures.pop_front();
      co_return failure;
    }
    const auto peer = std::make_shared<FakePeer>(loop_);
    wire_.peers.push_back(peer);
    if (wire_.on_connect) wire_.on_connect(peer);
    co_return std::make_unique<FakeTransport>(peer);
  }
  void stop() override { stopping_ = true; }

 private:
  asio::io_context& loop_;
  Wire& wire_;
  bool stopping_ = false;
};

}  // namespace wherry::test
