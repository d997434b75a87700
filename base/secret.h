#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace wherry {

/// A text that is nobody else's: a token, a password, a key. Lies in pages of its own that are left
/// out of core dumps (MADV_DONTDUMP) and are wiped when the last copy goes. Can't be logged by
/// accident: it turns into text only through view(). Copies share the pages. Any thread.
class Secret {
 public:
  Secret() noexcept = default;
  explicit Secret(std::string_view text);

  /// Valid for as long as a copy of this secret lives.
  [[nodiscard]] std::string_view view() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return view().empty(); }

  friend bool operator==(const Secret& a, const Secret& b) noexcept { return a.view() == b.view(); }

 private:
  class Pages;
  std::shared_ptr<const Pages> pages_;
};

/// Overwrites what was a copy of a secret, in a way that the compiler does not leave out.
void wipe(std::string& text) noexcept;

}  // namespace wherry
