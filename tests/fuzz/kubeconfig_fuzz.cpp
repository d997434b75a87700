// A kubeconfig says the same each time: an access that is whole, or faults that tell what is wrong.

#include "tests/fuzz/require.h"
#include "watcher/api/kubeconfig.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

namespace api = wherry::api;
using wherry::Fault;
using wherry::Faults;
using wherry::fuzz::require;

api::Kubeconfig read(std::string_view text, Faults& faults) {
  api::Kubeconfig config;
  config.add(text, "/etc/wherry/a.yaml", faults);
  for (const Fault& fault : faults) {
    require(fault.place.file == "/etc/wherry/a.yaml", "faults name the file", fault.to_string());
    require(!fault.text.empty(), "faults say what is wrong");
  }
  return config;
}

std::string text_of(const std::variant<api::ClusterAccess, Faults>& resolved) {
  std::string text;
  if (const Faults* faults = std::get_if<Faults>(&resolved)) {
    require(!faults->empty(), "no access without a fault");
    for (const Fault& fault : *faults) {
      require(!fault.text.empty(), "faults say what is wrong");
      text += fault.to_string() + '\n';
    }
    return text;
  }
  const auto& access = std::get<api::ClusterAccess>(resolved);
  require(!access.server.host.empty(), "a server has a host");
  for (const std::string& warning : access.warnings) text += warning + '\n';
  return text + access.origin + '\n' + access.server.host + ':' +
         std::to_string(access.server.port) + access.server.path + '\n' + access.token_file + '\n' +
         access.client_certificate.file + '\n' + access.name_space;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Faults faults;
  Faults faults_again;
  const api::Kubeconfig config = read(text, faults);
  api::Kubeconfig again = read(text, faults_again);

  require(faults == faults_again, "the same faults twice");
  require(config.contexts() == again.contexts(), "the same contexts twice");
  std::vector<std::string> contexts = config.contexts();
  if (contexts.size() > 20) contexts.resize(20);
  contexts.insert(contexts.end(), {"", "no such context"});
  for (const std::string& context : contexts) {
    for (const char* server : {"", "https://[2001:db8::1]:6443/base"}) {
      const std::string first = text_of(config.resolve({context, server}));
      require(first == text_of(again.resolve({context, server})), "the same access twice", first);
    }
  }

  // Of an entry that several files have the first counts.
  Faults of_the_second;
  again.add(text, "/etc/wherry/b.yaml", of_the_second);
  require(config.contexts() == again.contexts(), "a second file like the first adds no context");
  return 0;
}
