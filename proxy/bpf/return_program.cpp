#include "proxy/bpf/return_program.h"

#include "proxy/bpf/libbpf_log.h"
#include "proxy/bpf/map_image.h"
#include "proxy/bpf/program/return_types.h"

#include <bit>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <linux/bpf.h>
#include <return.skel.h>
#include <utility>

namespace wherry::bpf {
namespace {

error_code system_error(int number) {
  return {number < 0 ? -number : number, boost::system::system_category()};
}

lb_return_address key_of(const IpAddress& address) {
  return std::bit_cast<lb_return_address>(to_lb(address));
}

void note(error_code& first, int result) {
  if (result < 0 && !first) first = system_error(result);
}

}  // namespace

std::uint32_t return_mark() noexcept { return LB_RETURN_MARK; }

void LibbpfReturnProgram::Skeleton::operator()(return_bpf* skeleton) const noexcept {
  return_bpf__destroy(skeleton);
}

LibbpfReturnProgram::LibbpfReturnProgram(Loaded skeleton, std::uint32_t id)
    : skeleton_(std::move(skeleton)), id_(id) {}

LibbpfReturnProgram::~LibbpfReturnProgram() = default;

Result<std::unique_ptr<LibbpfReturnProgram>> LibbpfReturnProgram::load() {
  log_libbpf();
  Loaded skeleton(return_bpf__open());
  if (!skeleton) return system_error(errno);
  if (const int result = return_bpf__load(skeleton.get()); result != 0) {
    return system_error(result);
  }
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  const int program = bpf_program__fd(skeleton->progs.wherry_return);
  if (const int result = bpf_obj_get_info_by_fd(program, &info, &size); result != 0) {
    return system_error(result);
  }
  return std::make_unique<LibbpfReturnProgram>(std::move(skeleton), info.id);
}

int LibbpfReturnProgram::fd() const { return bpf_program__fd(skeleton_->progs.wherry_return); }

error_code LibbpfReturnProgram::apply(const ReturnScope& scope) {
  error_code first;
  const int own = bpf_map__fd(skeleton_->maps.own);
  const std::set<IpAddress> wanted(scope.own.begin(), scope.own.end());
  for (auto at = own_.begin(); at != own_.end();) {
    if (wanted.contains(*at)) {
      ++at;
      continue;
    }
    const lb_return_address key = key_of(*at);
    (void)bpf_map_delete_elem(own, &key);  // fails only where it is gone
    at = own_.erase(at);
  }
  for (const IpAddress& address : wanted) {
    // More than the map holds are looked at like others' addresses: slower, no more.
    if (own_.contains(address) || own_.size() >= LB_RETURN_OWN) continue;
    const lb_return_address key = key_of(address);
    const std::uint32_t value = 1;
    const int result = bpf_map_update_elem(own, &key, &value, BPF_ANY);
    note(first, result);
    if (result == 0) own_.insert(address);
  }
  const int bridges = bpf_map__fd(skeleton_->maps.bridges);
  for (auto at = bridges_.begin(); at != bridges_.end();) {
    const auto found = scope.bridges.find(at->first);
    if (found != scope.bridges.end() && found->second == at->second) {
      ++at;
      continue;
    }
    const std::uint32_t key = at->first;
    (void)bpf_map_delete_elem(bridges, &key);
    at = bridges_.erase(at);
  }
  for (const auto& [interface, mac] : scope.bridges) {
    if (bridges_.contains(interface)) continue;
    const std::uint32_t key = interface;
    lb_return_bridge value{};
    std::copy(mac.begin(), mac.end(), value.mac);
    const int result = bpf_map_update_elem(bridges, &key, &value, BPF_ANY);
    note(first, result);
    if (result == 0) bridges_.emplace(interface, mac);
  }
  return first;
}

}  // namespace wherry::bpf
