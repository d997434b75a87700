#pragma once

#include <cstdint>
#include <memory>

namespace wherry {

/// The only source of chance, so that tests can choose it. One thread.
class Random {
 public:
  virtual ~Random() = default;

  /// 0 to n - 1, each as likely as the others. Precondition: n > 0.
  [[nodiscard]] virtual std::uint64_t next_below(std::uint64_t n) = 0;
  /// At least 0, less than 1.
  [[nodiscard]] double next_unit();
};

/// Seeded from the machine: no two processes make the same choices. Not for secrets.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  ~SystemRandom() override;

  [[nodiscard]] std::uint64_t next_below(std::uint64_t n) override;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace wherry
