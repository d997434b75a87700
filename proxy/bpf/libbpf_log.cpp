#include "proxy/bpf/libbpf_log.h"

#include "base/log.h"
#include "base/quoted.h"

#include <array>
#include <bpf/libbpf.h>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace wherry::bpf {
namespace {

int pass_on(libbpf_print_level, const char* format, va_list arguments) {
  if (!log::enabled(log::Level::Debug)) return 0;
  std::array<char, 4096> line{};  // the verifier's words can be long: their beginning will do
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text(line.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  log::debug("libbpf: " + printable(text));
  return 0;
}

}  // namespace

void log_libbpf() { ::libbpf_set_print(pass_on); }

}  // namespace wherry::bpf
