#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::api {

/// Unpacks gzip (RFC 1952) that arrives in pieces, in bounded memory however much comes out.
class Gunzip {
 public:
  Gunzip();
  ~Gunzip();

  /// Hands over what the bytes unpack to, in pieces of at most 64 KiB; says what is wrong, or
  /// nothing. After an error nothing more may be fed.
  [[nodiscard]] std::optional<std::string> feed(std::string_view bytes,
                                                const std::function<void(std::string_view)>& take);
  /// Whether the text may end here.
  [[nodiscard]] bool is_complete() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wherry::api
