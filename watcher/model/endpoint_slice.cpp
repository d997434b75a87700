#include "watcher/model/endpoint_slice.h"

namespace wherry::model {

EndpointHints::EndpointHints(std::vector<std::string> zones, std::vector<std::string> nodes) {
  if (zones.empty() && nodes.empty()) return;
  said_ = std::make_shared<const Said>(Said{std::move(zones), std::move(nodes)});
}

}  // namespace wherry::model
