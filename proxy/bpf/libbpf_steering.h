#pragma once

#include "base/unique_fd.h"
#include "proxy/bpf/kernel_steering.h"
#include "proxy/bpf/map_plan.h"
#include "proxy/bpf/pin_folder.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct steer_bpf;  // the skeleton that bpftool makes of program/steer.bpf.c

namespace wherry::bpf {

struct LibbpfOptions {
  /// A folder of a bpffs that belongs to this network namespace; made if it is not there. Empty:
  /// nothing is pinned, and steering ends with the process.
  std::string pin_folder;
  /// How many addresses Services have at most, how many ports beyond three of an address, and how
  /// many source ranges. The kernel takes 32 bytes for each at once, the rest as it is used.
  std::uint32_t max_entries = 131'072;
};

/// Steering by a socket lookup program, in the network namespace of the thread that opens it.
///
/// If it goes without close() it leaves what a killed process leaves: what is pinned.
class LibbpfSteering final : public KernelSteering {
 public:
  /// Loads the program. What is pinned in the folder with the layout and the size of this process
  /// goes on and is corrected by the first apply(); anything else that is pinned there goes on
  /// until attach() puts this in its place, at once. Where the folder can't be used it works
  /// without, and the log says so. An error is logged with its remedy; find_capability() tells most
  /// of them before.
  [[nodiscard]] static Result<std::unique_ptr<LibbpfSteering>> open(const LibbpfOptions& options);
  /// The same with a program that a process of the same build has left pinned and attached here:
  /// nothing is made, loaded or looked at by the verifier, which is most of what open() takes. Null
  /// where there is none such; open() is for all else. Says nothing in the log.
  [[nodiscard]] static std::unique_ptr<LibbpfSteering> adopt(const LibbpfOptions& options);
  struct Key {
    friend class LibbpfSteering;

   private:
    Key() = default;
  };
  explicit LibbpfSteering(Key) {}
  ~LibbpfSteering() override;

  error_code apply(const SteerChange& change) override;
  error_code set_socket(Protocol protocol, IpFamily family, Group group, int fd) override;
  Result<Attachment> attachment() override;
  error_code attach() override;
  SteerCounts counts() override;
  void close(Pins pins) override;

  /// Whether a process before this one had left maps that go on.
  [[nodiscard]] bool took_over() const noexcept { return took_over_; }
  /// Whether what there is outlives the process.
  [[nodiscard]] bool is_pinned() const noexcept { return is_pinned_; }
  /// Whether connections are told by the interface that they come in by, too (E8, F7): not before
  /// Linux 5.17.
  [[nodiscard]] bool sees_interfaces() const noexcept { return sees_interfaces_; }

  /// The program, to be run with made-up lookups; its map of a name, to be measured.
  [[nodiscard]] int program_for_test() const { return program(); }
  [[nodiscard]] int map_for_test(const std::string& name) const { return maps_.at(name); }

 private:
  struct Skeleton {
    void operator()(steer_bpf* skeleton) const noexcept;
  };

  error_code load(const LibbpfOptions& options);
  [[nodiscard]] bool adopt_pins(const LibbpfOptions& options);
  error_code open_namespace();
  error_code read_left();
  [[nodiscard]] std::map<std::string, int> objects() const;
  error_code open_skeleton(const LibbpfOptions& options);
  enum class Reused : std::uint8_t { None, Some, All };
  Reused reuse_maps();
  void note_unpinned(const error_code& error);
  /// Its descriptor; -1 after close().
  [[nodiscard]] int program() const;
  error_code run(const MapStep& step) const;
  /// Where a link is attached.
  enum class Place : std::uint8_t {
    Nowhere,
    Elsewhere,  ///< in another network namespace
    Here,       ///< in this one, with another program
    Ours,       ///< in this one, with our program
  };
  [[nodiscard]] Place place_of(int link) const;

  std::unique_ptr<steer_bpf, Skeleton> skeleton_;  ///< null: everything is adopted
  std::vector<UniqueFd> adopted_;                  ///< owns what of maps_ is not the skeleton's
  UniqueFd adopted_program_;
  std::map<std::string, int> maps_;  ///< all that are pinned, by name
  UniqueFd namespace_;               ///< the network namespace
  std::optional<PinFolder> pins_;    ///< where things shall be pinned; none: not at all
  std::string program_name_;         ///< under which the program is pinned
  bool sees_interfaces_ = false;
  UniqueFd link_;
  MapPlan plan_;
  bool took_over_ = false;
  bool is_pinned_ = false;  ///< as far as we know: what was pinned may have been removed
  error_code unpinned_;     ///< why what shall be pinned is not, as attach() saw it
};

}  // namespace wherry::bpf
