#pragma once

#include "base/counter.h"
#include "proxy/tcp/close_reason.h"

namespace wherry::tcp {

/// What one worker counts. Written on the worker, summed over workers when read.
struct alignas(64) Counters {
  Counter sessions_active;   ///< established now
  Counter sessions_opening;  ///< accepted, not yet established
  Counter bytes_in;          ///< client to backend
  Counter bytes_out;         ///< backend to client
  Counter retries;           ///< attempts after the first
  Counter accept_pauses;     ///< times that a listener stopped accepting for want of resources
  Counter filter_failures;   ///< packet filters that the kernel did not take
  CountersBy<ConnectError, kConnectErrors> connect_failures;
  CountersBy<CloseReason, kCloseReasons> closed;
};

}  // namespace wherry::tcp
