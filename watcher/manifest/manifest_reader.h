#pragma once

#include "base/fault.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/endpoints.h"
#include "watcher/model/node.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"
#include "watcher/model/service_cidr.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::manifest {

/// The largest manifest: 32 MiB.
inline constexpr std::size_t kLargestManifest = 32u << 20;

/// What one file may hold, so that tables that are built of it stay within 400 MB, whatever is
/// packed into 32 MiB of text.
struct ManifestLimits {
  std::size_t parts = 100'000;           ///< objects, ports and endpoints
  std::size_t details = 500'000;         ///< labels, selectors and addresses
  std::size_t bytes = kLargestManifest;  ///< of names, labels and selectors
  std::size_t faults = 1'000;            ///< that are listed; the others are counted
};

/// The objects of one file.
struct ManifestContent {
  std::vector<model::Service> services;
  std::vector<model::Pod> pods;
  std::vector<model::EndpointSlice> slices;
  std::vector<model::Endpoints> endpoints;
  std::vector<model::Node> nodes{};
  std::vector<model::ServiceCidr> service_cidrs{};
  std::map<std::string, std::size_t> ignored;  ///< "apps/v1 Deployment" -> how many
};

struct ManifestText {
  ManifestContent content;  ///< to be used only if there are no faults
  Faults faults;
};

/// Reads all documents of a file of YAML or JSON: Services, Pods, EndpointSlices, Endpoints,
/// Nodes, ServiceCIDRs and Lists of them; other kinds are counted. One fault discards the whole
/// file, so that a half-read file never takes effect. `name` is what faults call the file. Pure;
/// any thread.
///
/// What a stranger's file may cost is bounded: nesting, values per object, objects and what they
/// hold in all, faults and their length.
[[nodiscard]] ManifestText read_manifest(std::string_view text, const std::string& name,
                                         const ManifestLimits& limits = {});

}  // namespace wherry::manifest
