#include "base/socket_room.h"

#include <sys/socket.h>

namespace wherry {
namespace {

void ask(int socket, int bytes, int with_right, int without) noexcept {
  if (::setsockopt(socket, SOL_SOCKET, with_right, &bytes, sizeof bytes) == 0) return;
  ::setsockopt(socket, SOL_SOCKET, without, &bytes, sizeof bytes);
}

}  // namespace

void ask_for_receive_room(int socket, int bytes) noexcept {
  ask(socket, bytes, SO_RCVBUFFORCE, SO_RCVBUF);
}

void ask_for_send_room(int socket, int bytes) noexcept {
  ask(socket, bytes, SO_SNDBUFFORCE, SO_SNDBUF);
}

}  // namespace wherry
