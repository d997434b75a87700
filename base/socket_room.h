#pragma once

/// Room in the kernel for what waits in a socket, in bytes as SO_RCVBUF and SO_SNDBUF count them.
/// As much as there may be: with CAP_NET_ADMIN all that is asked for; without, the lower of that
/// and net.core.rmem_max or wmem_max. What can't be had is no error: less fits in.
namespace wherry {

void ask_for_receive_room(int socket, int bytes) noexcept;
void ask_for_send_room(int socket, int bytes) noexcept;

}  // namespace wherry
