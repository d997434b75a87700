#include "watcher/model/service.h"

namespace wherry::model {

std::string_view to_string(ServiceType type) noexcept {
  switch (type) {
    case ServiceType::ClusterIP:
      return "ClusterIP";
    case ServiceType::NodePort:
      return "NodePort";
    case ServiceType::LoadBalancer:
      return "LoadBalancer";
    case ServiceType::ExternalName:
      return "ExternalName";
  }
  return "?";
}

std::string_view to_string(SessionAffinity affinity) noexcept {
  return affinity == SessionAffinity::ClientIP ? "ClientIP" : "None";
}

std::string_view to_string(TrafficPolicy policy) noexcept {
  return policy == TrafficPolicy::Local ? "Local" : "Cluster";
}

}  // namespace wherry::model
