#include "proxy/bpf/libbpf_steering.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/stable_hash.h"
#include "proxy/bpf/capability.h"
#include "proxy/bpf/libbpf_log.h"

#include <algorithm>
#include <array>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/bpf.h>
#include <steer.skel.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace wherry::bpf {
namespace {

constexpr std::uint32_t kRangedAddresses = 4096;
constexpr int kNamedFailures = 10;  // in the log, of one change

error_code error_of(int number) { return {number, boost::system::system_category()}; }
error_code last_error() { return error_of(errno); }

template <class Info>
std::optional<Info> info_of(int fd) {
  Info info{};
  std::uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return std::nullopt;
  return info;
}

/// Whether a map that somebody has left is what the program expects.
bool is_like(const bpf_map* wanted, int fd) {
  const auto info = info_of<bpf_map_info>(fd);
  return info && info->type == static_cast<std::uint32_t>(::bpf_map__type(wanted)) &&
         info->key_size == ::bpf_map__key_size(wanted) &&
         info->value_size == ::bpf_map__value_size(wanted) &&
         info->max_entries == ::bpf_map__max_entries(wanted) &&
         info->map_flags == ::bpf_map__map_flags(wanted);
}

/// Under which name a program is pinned: another build's may do something else with the same maps,
/// and so does the same build's with another constant in it.
std::string program_name(bool sees_interfaces) {
  std::size_t size = 0;
  const auto* bytes = static_cast<const char*>(steer_bpf::elf_bytes(&size));
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(stable_hash({bytes, size})));
  return std::string("program-") + digits.data() + (sees_interfaces ? "-interfaces" : "-addresses");
}

/// The names of all maps that are pinned.
std::vector<std::string> map_names() {
  std::vector<std::string> names{"sockets", "counts"};
  for (std::size_t i = 0; i < kMaps; ++i) names.emplace_back(map_name(static_cast<MapId>(i)));
  return names;
}

/// Whether the program works on these maps; it has one more for its constants.
bool works_on(int program, const std::map<std::string, int>& maps) {
  std::array<std::uint32_t, 32> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = static_cast<std::uint32_t>(ids.size());
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  std::uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(program, &info, &size) != 0) return false;
  if (info.type != BPF_PROG_TYPE_SK_LOOKUP) return false;
  const auto end = ids.begin() + std::min<std::size_t>(info.nr_map_ids, ids.size());
  return std::all_of(maps.begin(), maps.end(), [&](const auto& each) {
    const auto map = info_of<bpf_map_info>(each.second);
    return map && std::find(ids.begin(), end, map->id) != end;
  });
}

/// All elements of a map, many with each system call. Nothing where this kernel does not do that
/// for this kind of map, or a bucket holds more than fit.
std::optional<MapImage::Map> read_batches(int fd, std::size_t key_size, std::size_t value_size) {
  constexpr std::uint32_t kBatch = 2048;
  MapImage::Map elements;
  std::string keys(kBatch * key_size, '\0');
  std::string values(kBatch * value_size, '\0');
  // Where to go on: a bucket's number, or a key.
  std::string at(std::max(key_size, sizeof(std::uint32_t)), '\0');
  std::string next = at;
  for (bool is_first = true;; is_first = false) {
    std::uint32_t count = kBatch;
    const bool goes_on = ::bpf_map_lookup_batch(fd, is_first ? nullptr : at.data(), next.data(),
                                                keys.data(), values.data(), &count, nullptr) == 0;
    if (!goes_on && errno != ENOENT) return std::nullopt;
    for (std::uint32_t i = 0; i < count; ++i) {
      elements.emplace(keys.substr(i * key_size, key_size),
                       values.substr(i * value_size, value_size));
    }
    if (!goes_on) return elements;
    std::swap(at, next);
  }
}

/// All elements of a map. Nobody else changes it meanwhile.
Result<MapImage::Map> read_map(int fd, std::size_t key_size, std::size_t value_size) {
  if (auto batches = read_batches(fd, key_size, value_size)) return std::move(*batches);
  MapImage::Map elements;
  std::string key(key_size, '\0');
  std::string value(value_size, '\0');
  std::string next(key_size, '\0');
  for (const void* at = nullptr; ::bpf_map_get_next_key(fd, at, next.data()) == 0;) {
    key = next;
    at = key.data();
    if (::bpf_map_lookup_elem(fd, key.data(), value.data()) != 0) return last_error();
    elements.emplace(key, value);
  }
  if (errno != ENOENT) return last_error();
  return elements;
}

Result<MapImage> read_image(const std::map<std::string, int>& maps) {
  MapImage image;
  for (std::size_t i = 0; i < kMaps; ++i) {
    const auto id = static_cast<MapId>(i);
    const int fd = maps.at(std::string(map_name(id)));
    const auto info = info_of<bpf_map_info>(fd);
    if (!info) return last_error();
    auto elements = read_map(fd, info->key_size, info->value_size);
    if (!elements) return elements.error();
    image[id] = std::move(*elements);
  }
  return image;
}

void log_failure(const MapStep& step, const error_code& error) {
  const std::string remedy = error == error_of(E2BIG)
                                 ? "the kernel's table is full: fewer Services, or a larger table"
                                 : "it is tried again with the next change";
  log::error("the kernel does not take an entry",
             {{"entry", to_string(step)}, {"error", error.message()}, {"remedy", remedy}});
}

}  // namespace

void LibbpfSteering::Skeleton::operator()(steer_bpf* skeleton) const noexcept {
  steer_bpf::destroy(skeleton);
}

Result<std::unique_ptr<LibbpfSteering>> LibbpfSteering::open(const LibbpfOptions& options) {
  log_libbpf();
  auto steering = std::make_unique<LibbpfSteering>(Key());
  if (const error_code error = steering->load(options)) return error;
  return steering;
}

std::unique_ptr<LibbpfSteering> LibbpfSteering::adopt(const LibbpfOptions& options) {
  log_libbpf();
  auto steering = std::make_unique<LibbpfSteering>(Key());
  return steering->adopt_pins(options) ? std::move(steering) : nullptr;
}

LibbpfSteering::~LibbpfSteering() = default;

bool LibbpfSteering::adopt_pins(const LibbpfOptions& options) {
  // Without the right to bpf() what is attached could not be put back, should somebody detach it.
  if (options.pin_folder.empty() || !may_call_bpf() || open_namespace()) return false;
  pins_.emplace(options.pin_folder, LB_LAYOUT, options.max_entries);
  sees_interfaces_ = true;
  program_name_ = program_name(sees_interfaces_);
  adopted_program_ = pins_->object(program_name_);
  if (!adopted_program_) {
    // The lesser one only where the kernel still has no more to offer: whoever loaded it may have
    // been refused for another reason, such as memory. What sees interfaces need not be asked.
    sees_interfaces_ = false;
    program_name_ = program_name(sees_interfaces_);
    adopted_program_ = pins_->object(program_name_);
    if (!adopted_program_ || sees_ingress_interface()) return false;
  }
  for (const std::string& name : map_names()) {
    UniqueFd fd = pins_->object(name);
    if (!fd) return false;
    maps_.emplace(name, fd.get());
    adopted_.push_back(std::move(fd));
  }
  link_ = pins_->link();
  if (!works_on(adopted_program_.get(), maps_) || place_of(link_.get()) != Place::Ours) {
    return false;
  }
  is_pinned_ = took_over_ = true;
  return !read_left();
}

error_code LibbpfSteering::open_namespace() {
  namespace_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  return namespace_ ? error_code() : last_error();
}

error_code LibbpfSteering::load(const LibbpfOptions& options) {
  if (const error_code error = open_namespace()) {
    log::error("the network namespace can't be opened", {{"error", error.message()}});
    return error;
  }
  if (!options.pin_folder.empty()) {
    const Ability ability = can_pin(options.pin_folder);
    if (ability) {
      pins_.emplace(options.pin_folder, LB_LAYOUT, options.max_entries);
      if (place_of(pins_->link().get()) == Place::Elsewhere) {
        log::warn("steering ends with the process: another network namespace's is pinned",
                  {{"folder", options.pin_folder}});
        pins_.reset();
      }
    } else {
      log::warn("steering ends with the process, nothing is pinned", {{"reason", ability.lacks}});
    }
  }

  if (const error_code error = open_skeleton(options)) return error;
  if (pins_) {
    switch (reuse_maps()) {
      case Reused::None:
        break;
      case Reused::All:
        is_pinned_ = took_over_ = true;
        break;
      case Reused::Some:  // a program with both kinds of maps would believe both
        if (const error_code error = open_skeleton(options)) return error;
        break;
    }
  }
  if (const int failed = steer_bpf::load(skeleton_.get())) {
    const error_code error = error_of(-failed);
    log::error("the steering program can't be loaded", {{"error", error.message()}});
    return error;
  }
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (map != skeleton_->maps.rodata) maps_.emplace(::bpf_map__name(map), ::bpf_map__fd(map));
  }
  if (!took_over_) return {};
  const error_code error = read_left();
  if (error) log::error("what is pinned can't be read", {{"error", error.message()}});
  return error;
}

/// What a process before this one has put into the maps.
error_code LibbpfSteering::read_left() {
  auto image = read_image(maps_);
  if (!image) return image.error();
  plan_ = MapPlan(std::move(*image));
  return {};
}

/// What shall be pinned beside the link, by name.
std::map<std::string, int> LibbpfSteering::objects() const {
  std::map<std::string, int> all = maps_;
  all.emplace(program_name_, program());
  return all;
}

error_code LibbpfSteering::open_skeleton(const LibbpfOptions& options) {
  skeleton_.reset(steer_bpf::open());
  if (!skeleton_) return last_error();
  bpf_map* const sized[] = {skeleton_->maps.vips, skeleton_->maps.ports, skeleton_->maps.sources};
  for (bpf_map* map : sized) ::bpf_map__set_max_entries(map, options.max_entries);
  ::bpf_map__set_max_entries(skeleton_->maps.ranges,
                             std::min(options.max_entries, kRangedAddresses));
  sees_interfaces_ = sees_ingress_interface();
  skeleton_->rodata->has_ingress_interface = sees_interfaces_ ? 1 : 0;
  program_name_ = program_name(sees_interfaces_);
  return {};
}

/// Lets the program use the maps that are pinned, if all of them fit.
LibbpfSteering::Reused LibbpfSteering::reuse_maps() {
  std::vector<std::pair<bpf_map*, UniqueFd>> found;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (map == skeleton_->maps.rodata) continue;
    UniqueFd fd = pins_->object(::bpf_map__name(map));
    if (!fd || !is_like(map, fd.get())) return Reused::None;
    found.emplace_back(map, std::move(fd));
  }
  for (const auto& [each, fd] : found) {
    if (::bpf_map__reuse_fd(each, fd.get()) != 0) {
      log::warn("a pinned map can't be used again", {{"map", ::bpf_map__name(each)}});
      return Reused::Some;
    }
  }
  return Reused::All;
}

error_code LibbpfSteering::apply(const SteerChange& change) {
  MapPlan::Plan plan = plan_.plan(change);
  error_code first;
  for (const MapPlan::Refusal& refusal : plan.refused) {
    log::error("a destination can't be steered",
               {{"destination", refusal.destination.to_string()}, {"reason", refusal.text}});
    if (!first) first = error_of(EINVAL);
  }
  int failures = 0;
  for (const MapStep& step : plan.steps) {
    const error_code error = run(step);
    if (!error) {
      plan_.done(step);
      continue;
    }
    plan_.failed(step);
    if (!first) first = error;
    if (++failures <= kNamedFailures) log_failure(step, error);
  }
  if (failures > kNamedFailures) {
    log::error("the kernel does not take entries", {{"more", failures - kNamedFailures}});
  }
  return first;
}

error_code LibbpfSteering::run(const MapStep& step) const {
  const int fd = maps_.at(std::string(map_name(step.map)));
  if (step.value) {
    if (::bpf_map_update_elem(fd, step.key.data(), step.value->data(), BPF_ANY) == 0) return {};
  } else if (::bpf_map_delete_elem(fd, step.key.data()) == 0 || errno == ENOENT) {
    return {};
  }
  return last_error();
}

error_code LibbpfSteering::set_socket(Protocol protocol, IpFamily family, Group group, int fd) {
  if (protocol == Protocol::SCTP) return error_of(EPROTONOSUPPORT);
  std::uint32_t index = 0;
  if (protocol == Protocol::UDP) index += LB_SOCKET_UDP;
  if (family == IpFamily::IPv6) index += LB_SOCKET_IPV6;
  if (group == Group::Silent) index += LB_SOCKET_SILENT;
  const auto value = static_cast<std::uint64_t>(fd);
  if (::bpf_map_update_elem(maps_.at("sockets"), &index, &value, BPF_ANY) == 0) return {};
  return last_error();
}

LibbpfSteering::Place LibbpfSteering::place_of(int link) const {
  const auto info = info_of<bpf_link_info>(link);
  struct stat here{};
  if (!info || info->type != BPF_LINK_TYPE_NETNS || ::fstat(namespace_.get(), &here) != 0 ||
      info->netns.netns_ino == 0) {
    return Place::Nowhere;  // somebody has detached it, or its namespace is gone
  }
  if (info->netns.netns_ino != here.st_ino) return Place::Elsewhere;
  const auto ours = info_of<bpf_prog_info>(program());
  return ours && info->prog_id == ours->id ? Place::Ours : Place::Here;
}

Result<Attachment> LibbpfSteering::attachment() {
  if (place_of(link_.get()) != Place::Ours) return Attachment::Detached;
  if (pins_ && !(pins_->has_link(link_.get()) && pins_->has_objects(objects()))) {
    return Attachment::Unpinned;
  }
  return Attachment::Whole;
}

error_code LibbpfSteering::attach() {
  error_code unpinned;
  if (pins_ && !pins_->has_objects(objects())) unpinned = pins_->pin_objects(objects());
  if (place_of(link_.get()) != Place::Ours) {
    // A link that is pinned gets our program in place of its own, without a moment between.
    link_ = pins_ ? pins_->link() : UniqueFd();
    if (place_of(link_.get()) != Place::Here ||
        ::bpf_link_update(link_.get(), program(), nullptr) != 0) {
      link_.reset(::bpf_link_create(program(), namespace_.get(), BPF_SK_LOOKUP, nullptr));
    }
    if (!link_) return last_error();
  }
  if (pins_ && !pins_->has_link(link_.get())) {
    const error_code error = pins_->pin_link(link_.get());
    if (!unpinned) unpinned = error;
  }
  is_pinned_ = pins_ && !unpinned;
  if (is_pinned_) pins_->remove_other_maps();
  note_unpinned(unpinned);
  return {};
}

/// What can't be pinned is no reason not to steer. Each reason is said once.
void LibbpfSteering::note_unpinned(const error_code& error) {
  if (std::exchange(unpinned_, error) != error && error) {
    log::warn("steering ends with the process: it can't be pinned",
              {{"folder", pins_->path()}, {"error", error.message()}});
  }
}

SteerCounts LibbpfSteering::counts() {
  std::array<std::uint64_t, LB_COUNTS> sums{};
  const int cpus = ::libbpf_num_possible_cpus();
  std::vector<std::uint64_t> of_cpus(static_cast<std::size_t>(std::max(cpus, 1)));
  for (std::uint32_t i = 0; i < LB_COUNTS; ++i) {
    if (::bpf_map_lookup_elem(maps_.at("counts"), &i, of_cpus.data()) != 0) continue;
    for (const std::uint64_t count : of_cpus) sums[i] += count;
  }
  return {sums[LB_COUNT_FORWARDED], sums[LB_COUNT_REJECTED],   sums[LB_COUNT_DROPPED],
          sums[LB_COUNT_SOURCE],    sums[LB_COUNT_WRONG_PORT], sums[LB_COUNT_FREE_ADDRESS],
          sums[LB_COUNT_NO_SOCKET]};
}

void LibbpfSteering::close(Pins pins) {
  if (pins_ && pins == Pins::Remove) {
    if (link_) ::bpf_link_detach(link_.get());
    if (const error_code error = PinFolder::remove_all(pins_->path())) {
      log::error("what is pinned can't be removed",
                 {{"folder", pins_->path()}, {"error", error.message()}});
    }
  }
  link_.reset();
  maps_.clear();
  adopted_.clear();
  adopted_program_.reset();
  skeleton_.reset();
}

int LibbpfSteering::program() const {
  return skeleton_ ? ::bpf_program__fd(skeleton_->progs.wherry_steer) : adopted_program_.get();
}

}  // namespace wherry::bpf
