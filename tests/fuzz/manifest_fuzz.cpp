// A manifest gives the same result each time, and either objects or faults that name the file.

#include "tests/fuzz/require.h"
#include "watcher/manifest/manifest_reader.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using wherry::fuzz::require;
using wherry::manifest::ManifestText;

ManifestText read(std::string_view text, const std::string& name) {
  ManifestText manifest = wherry::manifest::read_manifest(text, name);
  for (const wherry::Fault& fault : manifest.faults) {
    require(fault.place.file == name, "faults name the file", fault.to_string());
    require(!fault.text.empty(), "faults say what is wrong");
  }
  return manifest;
}

void require_same(const ManifestText& a, const ManifestText& b) {
  require(a.content.services == b.content.services, "the same Services twice");
  require(a.content.pods == b.content.pods, "the same Pods twice");
  require(a.content.slices == b.content.slices, "the same EndpointSlices twice");
  require(a.content.ignored == b.content.ignored, "the same other objects twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const ManifestText first = read(text, "a.yaml");
  const ManifestText second = read(text, "a.yaml");
  const ManifestText as_json = read(text, "a.json");

  require(first.faults == second.faults, "the same faults twice");
  require_same(first, second);
  // What the file is called changes only which grammar an error is told in.
  require(first.faults.empty() == as_json.faults.empty(), "a name does not mend a file");
  if (first.faults.empty()) require_same(first, as_json);
  return 0;
}
