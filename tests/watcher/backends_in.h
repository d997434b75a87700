#pragma once

#include "watcher/model/endpoint_slice.h"

#include <string>
#include <vector>

namespace wherry::test {

/// "name=address:port/protocol" for each port of each endpoint.
inline std::vector<std::string> backends_in(const std::vector<model::EndpointSlice>& slices) {
  std::vector<std::string> all;
  for (const model::EndpointSlice& slice : slices) {
    for (const model::EndpointPort& port : slice.ports) {
      for (const model::Endpoint& endpoint : slice.endpoints) {
        all.push_back(port.name.value_or("?") + '=' + endpoint.address.to_string() + ' ' +
                      std::to_string(port.port.value_or(0)) + '/' +
                      std::string(to_string(port.protocol)));
      }
    }
  }
  return all;
}

}  // namespace wherry::test
