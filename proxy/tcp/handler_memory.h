#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>

namespace wherry::tcp {

/// Room for one pending Asio operation inside the object that starts it, so that waiting for the
/// next byte allocates nothing. A second operation at the same time, or a larger one, goes to the
/// heap.
///
/// Belongs to one thread; must outlive the operation.
class HandlerMemory {
 public:
  HandlerMemory() noexcept = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  [[nodiscard]] void* allocate(std::size_t size) {
    if (used_ || size > kSize) return ::operator new(size);
    used_ = true;
    return storage_.data();
  }

  void deallocate(void* memory) noexcept {
    if (memory == storage_.data()) {
      used_ = false;
    } else {
      ::operator delete(memory);
    }
  }

  [[nodiscard]] bool in_use() const noexcept { return used_; }

 private:
  /// What a wait operation with a handler of two pointers needs with Asio 1.26 (120 bytes), and a
  /// little more.
  static constexpr std::size_t kSize = 128;

  alignas(std::max_align_t) std::array<std::byte, kSize> storage_;
  bool used_ = false;
};

/// The associated allocator that hands HandlerMemory to Asio.
template <class T>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(HandlerMemory& memory) noexcept : memory_(&memory) {}
  template <class U>
  explicit(false) HandlerAllocator(const HandlerAllocator<U>& other) noexcept
      : memory_(other.memory()) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(memory_->allocate(n * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }
  [[nodiscard]] HandlerMemory* memory() const noexcept { return memory_; }

  friend bool operator==(const HandlerAllocator& a, const HandlerAllocator& b) noexcept {
    return a.memory_ == b.memory_;
  }

 private:
  HandlerMemory* memory_;
};

}  // namespace wherry::tcp
