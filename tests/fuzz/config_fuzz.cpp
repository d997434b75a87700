// A configuration is read without surprises, and every fault says where it stands.

#include "config/config_file.h"
#include "tests/fuzz/require.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using wherry::fuzz::require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  wherry::Faults faults;

  const auto file = wherry::config::read_config_text(text, "wherry.yaml", "/etc/wherry", faults);

  for (const wherry::Fault& fault : faults) {
    require(fault.place.file == "wherry.yaml", "faults name the file", fault.to_string());
    require(fault.place.line >= 1 && fault.place.column >= 1, "faults have a place",
            fault.to_string());
    require(!fault.text.empty(), "faults say what is wrong");
  }
  for (const wherry::Fault& warning : file.warnings) {
    require(warning.place.line >= 1 && warning.place.column >= 1, "warnings have a place",
            warning.to_string());
  }
  for (const wherry::config::Given& each : file.given) {
    require(each.setting != nullptr && !each.texts.empty(), "what is given has a value",
            each.field);
    if (each.field.empty()) continue;  // a default of kube-proxy's, which stands nowhere
    require(each.place.line >= 1 && each.place.column >= 1, "what is given has a place",
            each.field);
  }
  if (file.kube_proxy && faults.empty()) {
    // What is written is read again, and then written the same.
    const std::string written = wherry::config::write_kube_proxy_configuration(*file.kube_proxy);
    wherry::Faults again_faults;
    const auto again =
        wherry::config::read_config_text(written, "again.yaml", "/etc/wherry", again_faults);
    require(again_faults.empty() && again.kube_proxy, "what is written is read again", written);
    require(wherry::config::write_kube_proxy_configuration(*again.kube_proxy) == written,
            "what is read again is written the same", written);
  }
  return 0;
}
