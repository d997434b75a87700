#include "base/socket_room.h"

#include "base/unique_fd.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <sys/socket.h>

namespace wherry {
namespace {

int option(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(socket, SOL_SOCKET, name, &value, &size);
  return value / 2;  // the kernel doubles it, for what it keeps beside
}

int limit(const char* name) {
  int value = 0;
  std::ifstream(std::string("/proc/sys/net/core/") + name) >> value;
  return value;
}

/// With the right to more than the limit, or without it.
TEST(SocketRoom, IsWhatWasAskedForOrTheLimit) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int asked = 2 * limit("wmem_max");
  const bool may =
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &asked, sizeof asked) == 0;

  ask_for_send_room(socket.get(), asked);
  ask_for_receive_room(socket.get(), 2 * limit("rmem_max"));

  EXPECT_EQ(option(socket.get(), SO_SNDBUF), may ? asked : limit("wmem_max"));
  EXPECT_EQ(option(socket.get(), SO_RCVBUF), may ? 2 * limit("rmem_max") : limit("rmem_max"));
}

}  // namespace
}  // namespace wherry
