// A configuration is read without surprises, and every fault says where it stands.

#include "config/config_file.h"
#include "tests/fuzz/require.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using wherry::fuzz::require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  wherry::Faults faults;

  const auto given = wherry::config::read_config_text(text, "wherry.yaml", "/etc/wherry", faults);

  for (const wherry::Fault& fault : faults) {
    require(fault.place.file == "wherry.yaml", "faults name the file", fault.to_string());
    require(fault.place.line >= 1 && fault.place.column >= 1, "faults have a place",
            fault.to_string());
    require(!fault.text.empty(), "faults say what is wrong");
  }
  for (const wherry::config::Given& each : given) {
    require(each.setting != nullptr && !each.texts.empty(), "what is given has a value",
            each.field);
    require(each.place.line >= 1 && each.place.column >= 1, "what is given has a place",
            each.field);
  }
  return 0;
}
