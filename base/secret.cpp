#include "base/secret.h"

#include <cstring>
#include <new>
#include <sys/mman.h>

namespace wherry {

class Secret::Pages {
 public:
  explicit Pages(std::string_view text) : size_(text.size()) {
    void* const memory =
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    ::madvise(memory, size_,
              MADV_DONTDUMP);  // a kernel that can't do it keeps the secret all the same
    std::memcpy(memory, text.data(), size_);
    memory_ = memory;
  }
  ~Pages() {
    ::explicit_bzero(memory_, size_);
    ::munmap(memory_, size_);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] std::string_view view() const noexcept {
    return {static_cast<const char*>(memory_), size_};
  }

 private:
  void* memory_ = nullptr;
  std::size_t size_;
};

Secret::Secret(std::string_view text) {
  if (!text.empty()) pages_ = std::make_shared<const Pages>(text);
}

std::string_view Secret::view() const noexcept {
  return pages_ ? pages_->view() : std::string_view();
}

void wipe(std::string& text) noexcept { ::explicit_bzero(text.data(), text.size()); }

}  // namespace wherry
