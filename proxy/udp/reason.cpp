#include "proxy/udp/reason.h"

#include <cerrno>

namespace wherry::udp {

std::string_view to_string(Drop drop) noexcept {
  switch (drop) {
    case Drop::NoEndpoints:
      return "no_endpoints";
    case Drop::NoLocalEndpoints:
      return "no_local_endpoints";
    case Drop::SourceRanges:
      return "source_ranges";
    case Drop::NoService:
      return "no_service";
    case Drop::BackendRefused:
      return "backend_refused";
    case Drop::BackendUnreachable:
      return "backend_unreachable";
    case Drop::BackendBusy:
      return "backend_busy";
    case Drop::TooLarge:
      return "too_large";
    case Drop::ClientUnreachable:
      return "client_unreachable";
    case Drop::ClientBusy:
      return "client_busy";
    case Drop::NoDescriptors:
      return "no_descriptors";
    case Drop::NoPorts:
      return "no_ports";
    case Drop::Loop:
      return "loop";
    case Drop::QueueFull:
      return "queue_full";
  }
  return "";
}

Drop classify_backend_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
      return Drop::BackendRefused;
    // A full send buffer, or a full queue of the device.
    case ENOBUFS:
    case EAGAIN:
      return Drop::BackendBusy;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Drop::NoDescriptors;
    case EADDRINUSE:
    case EADDRNOTAVAIL:
      return Drop::NoPorts;
    case EMSGSIZE:
      return Drop::TooLarge;
    case ELOOP:
      return Drop::Loop;
    default:
      return Drop::BackendUnreachable;
  }
}

Drop classify_client_error(int error) noexcept {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return Drop::ClientBusy;
    case EMSGSIZE:
      return Drop::TooLarge;
    default:
      return Drop::ClientUnreachable;
  }
}

std::string_view to_string(FlowEnd end) noexcept {
  switch (end) {
    case FlowEnd::IdleTimeout:
      return "idle_timeout";
    case FlowEnd::FlowLimit:
      return "flow_limit";
    case FlowEnd::SourceLimit:
      return "source_limit";
    case FlowEnd::NotServed:
      return "not_served";
    case FlowEnd::ListenerClosed:
      return "listener_closed";
    case FlowEnd::Shutdown:
      return "shutdown";
  }
  return "";
}

}  // namespace wherry::udp
