#pragma once

#include "base/ip_address.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

struct return_bpf;  // the skeleton that bpftool makes of program/return.bpf.c

namespace wherry::bpf {

using MacAddress = std::array<std::uint8_t, 6>;

/// What the return program has to know of the node.
struct ReturnScope {
  std::vector<IpAddress> own;  ///< addresses of this machine's interfaces: left alone
  /// Of interfaces that are ports of a bridge, by index: the bridge's address.
  std::map<unsigned, MacAddress> bridges;

  friend bool operator==(const ReturnScope&, const ReturnScope&) = default;
};

/// The bit of a packet's mark that the program sets: LB_RETURN_MARK.
[[nodiscard]] std::uint32_t return_mark() noexcept;

/// The program that marks what backends answer to sockets with a client's address
/// (program/return.bpf.c). Loaded; whoever has it attaches it. Control thread.
class ReturnProgram {
 public:
  ReturnProgram() = default;
  ReturnProgram(const ReturnProgram&) = delete;
  ReturnProgram& operator=(const ReturnProgram&) = delete;
  virtual ~ReturnProgram() = default;

  [[nodiscard]] virtual int fd() const = 0;
  [[nodiscard]] virtual std::uint32_t id() const = 0;  ///< the kernel's number of it
  /// From now on this is what it knows. The first error; the rest is applied.
  virtual error_code apply(const ReturnScope& scope) = 0;
};

class LibbpfReturnProgram final : public ReturnProgram {
 private:
  struct Skeleton {
    void operator()(return_bpf* skeleton) const noexcept;
  };
  using Loaded = std::unique_ptr<return_bpf, Skeleton>;

 public:
  /// Of a skeleton that load() has loaded.
  LibbpfReturnProgram(Loaded skeleton, std::uint32_t id);
  /// Needs CAP_BPF and CAP_NET_ADMIN; Linux 5.15.
  [[nodiscard]] static Result<std::unique_ptr<LibbpfReturnProgram>> load();
  ~LibbpfReturnProgram() override;

  [[nodiscard]] int fd() const override;
  [[nodiscard]] std::uint32_t id() const override { return id_; }
  error_code apply(const ReturnScope& scope) override;

 private:
  const Loaded skeleton_;
  const std::uint32_t id_;
  std::set<IpAddress> own_;
  std::map<unsigned, MacAddress> bridges_;
};

}  // namespace wherry::bpf
