#include "proxy/tcp/close_reason.h"

#include <cerrno>

namespace wherry::tcp {

std::string_view to_string(ConnectError error) noexcept {
  switch (error) {
    case ConnectError::Refused:
      return "refused";
    case ConnectError::Timeout:
      return "timeout";
    case ConnectError::Unreachable:
      return "unreachable";
    case ConnectError::NoDescriptors:
      return "no_descriptors";
    case ConnectError::NoPorts:
      return "no_ports";
    case ConnectError::Loop:
      return "loop";
    case ConnectError::Other:
      return "other";
  }
  return "?";
}

ConnectError classify_connect_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
      return ConnectError::Refused;
    case ETIMEDOUT:
      return ConnectError::Timeout;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return ConnectError::Unreachable;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:  // epoll_ctl(2): the limit on watches
      return ConnectError::NoDescriptors;
    case EADDRNOTAVAIL:
      return ConnectError::NoPorts;
    case ELOOP:
      return ConnectError::Loop;
    default:
      return ConnectError::Other;
  }
}

std::string_view to_string(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::Finished:
      return "finished";
    case CloseReason::ClientReset:
      return "client_reset";
    case CloseReason::BackendReset:
      return "backend_reset";
    case CloseReason::ClientLost:
      return "client_lost";
    case CloseReason::BackendLost:
      return "backend_lost";
    case CloseReason::IdleTimeout:
      return "idle_timeout";
    case CloseReason::Shutdown:
      return "shutdown";
    case CloseReason::NoEndpoints:
      return "no_endpoints";
    case CloseReason::NoLocalEndpoints:
      return "no_local_endpoints";
    case CloseReason::ProxyHeader:
      return "proxy_header";
    case CloseReason::SourceRanges:
      return "source_ranges";
    case CloseReason::NoService:
      return "no_service";
    case CloseReason::ConnectFailed:
      return "connect_failed";
    case CloseReason::NoDescriptors:
      return "no_descriptors";
  }
  return "?";
}

bool is_refusal(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::NoEndpoints:
    case CloseReason::NoLocalEndpoints:
    case CloseReason::ProxyHeader:
    case CloseReason::SourceRanges:
    case CloseReason::NoService:
    case CloseReason::ConnectFailed:
    case CloseReason::NoDescriptors:
      return true;
    default:
      return false;
  }
}

CloseReason classify_io_error(Side side, int error) noexcept {
  const bool reset = error == ECONNRESET || error == EPIPE;
  if (side == Side::Client) return reset ? CloseReason::ClientReset : CloseReason::ClientLost;
  return reset ? CloseReason::BackendReset : CloseReason::BackendLost;
}

bool ends_with_reset(CloseReason reason) noexcept {
  return reason != CloseReason::Finished && reason != CloseReason::IdleTimeout;
}

}  // namespace wherry::tcp
