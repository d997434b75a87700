#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace wherry {

/// The environment variables of a process, as values: read once at the start and handed on, so that
/// tests can have others. Any thread.
class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  Environment() = default;
  explicit Environment(Variables variables) : variables_(std::move(variables)) {}

  /// Those of this process.
  [[nodiscard]] static Environment of_process();

  /// Empty where there is no such variable: unset and empty mean the same to us.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] const Variables& all() const noexcept { return variables_; }

 private:
  Variables variables_;
};

}  // namespace wherry
