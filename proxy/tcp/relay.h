#pragma once

#include "proxy/tcp/close_reason.h"
#include "proxy/tcp/wire.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace wherry::tcp {

class Session;

/// Copies bytes one way: what arrives on `from` goes out on `to`. Owned by Session; runs on the
/// session's worker only.
///
/// Reads into the worker's scratch space and writes at once, so that an idle session holds no
/// buffer. What the receiver does not take at once waits in a buffer of just that size, and nothing
/// more is read until it is gone: the sender feels the receiver's pace. When slow receivers hold up
/// too much in all, bytes are left in the senders' sockets instead: they are peeked at, sent, and
/// taken off the queue only then.
class Relay {
 public:
  Relay(Session& owner, Side from_side, Wire& from, Wire& to) noexcept
      : owner_(owner), from_(from), to_(to), from_side_(from_side) {}
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Sends what does not come from the sender: before the first pump(). Not counted in bytes().
  void send_first(std::span<const std::byte> bytes);
  /// Moves what is there, and goes on when more comes.
  void pump();
  /// Goes on when more comes.
  void wait_readable();

  /// The sender has ended its direction, and the receiver was told.
  [[nodiscard]] bool finished() const noexcept { return state_ == State::Finished; }
  /// Bytes wait for the receiver to take more.
  [[nodiscard]] bool blocked() const noexcept { return state_ == State::Blocked; }
  /// The receiver takes nothing any more.
  [[nodiscard]] bool broken() const noexcept { return state_ == State::Broken; }
  [[nodiscard]] Side from_side() const noexcept { return from_side_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  /// Moving -> Blocked -> Moving; Moving -> Finished or Broken; Blocked -> Broken.
  enum class State : std::uint8_t {
    Moving,   ///< reads when there is something to read
    Blocked,  ///< waits until the receiver takes more; does not read
    Finished,
    Broken,
  };
  enum class Step : std::uint8_t { Again, Wait, Stop };

  [[nodiscard]] Step move_once();
  [[nodiscard]] Step pass_on(std::size_t size, bool peeked);
  void keep_rest(const std::byte* rest, std::size_t size);
  void drop_rest() noexcept;
  void block();
  void on_writable();
  void watch_for_reset();
  void fail_write(int error);

  Session& owner_;
  Wire& from_;
  Wire& to_;
  std::unique_ptr<std::byte[]> rest_;  ///< read but not yet taken by the receiver; mostly null
  std::uint32_t rest_begin_ = 0;
  std::uint32_t rest_end_ = 0;
  std::uint64_t bytes_ = 0;
  const Side from_side_;
  State state_ = State::Moving;
  bool watching_ = false;  ///< a wait for a reset is pending
};

}  // namespace wherry::tcp
