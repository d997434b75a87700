#include "proxy/tcp/wire.h"

#include "tests/support/sockets.h"

#include <boost/asio/bind_allocator.hpp>
#include <gtest/gtest.h>

namespace wherry::tcp {
namespace {

TEST(HandlerMemory, HoldsTheWaitThatAnIdleSessionHasPending) {
  // The wait's handler is what the relay uses: a lambda that captures one pointer.
  asio::io_context loop(1);
  test::TcpPair pair = test::tcp_pair();
  Wire::Descriptor descriptor(loop, pair.far.release());
  HandlerMemory memory;
  int* nothing = nullptr;

  descriptor.async_wait(
      Wire::Descriptor::wait_read,
      asio::bind_allocator(HandlerAllocator<void>(memory),
                           [nothing](const boost::system::error_code&) { (void)nothing; }));

  EXPECT_TRUE(memory.in_use());
  boost::system::error_code ignored;
  descriptor.close(ignored);
  loop.run();
  EXPECT_FALSE(memory.in_use());
}

TEST(HandlerMemory, GoesToTheHeapForASecondOperation) {
  HandlerMemory memory;
  void* const first = memory.allocate(64);

  void* const second = memory.allocate(64);

  EXPECT_NE(first, second);
  memory.deallocate(second);
  EXPECT_TRUE(memory.in_use());
  memory.deallocate(first);
  EXPECT_FALSE(memory.in_use());
}

TEST(HandlerMemory, GoesToTheHeapForALargeOperation) {
  HandlerMemory memory;

  void* const large = memory.allocate(4096);

  EXPECT_FALSE(memory.in_use());
  memory.deallocate(large);
}

}  // namespace
}  // namespace wherry::tcp
