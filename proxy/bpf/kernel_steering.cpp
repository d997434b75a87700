#include "proxy/bpf/kernel_steering.h"

namespace wherry::bpf {

Destination Destination::of(Protocol protocol, const IpAddress& ip, std::uint16_t port) {
  return {protocol, ip.family(), ip, port, port};
}

Destination Destination::node_port(Protocol protocol, IpFamily family, std::uint16_t port) {
  return {protocol, family, std::nullopt, port, port};
}

std::string Destination::to_string() const {
  std::string text(wherry::to_string(protocol));
  if (ip) {
    text += ' ' + SocketAddress{*ip, port}.to_string();
  } else {
    text += ' ' + std::string(wherry::to_string(family)) + " NodePort " + std::to_string(port);
  }
  if (is_range()) text += '-' + std::to_string(last_port);
  return text;
}

}  // namespace wherry::bpf
