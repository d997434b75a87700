#pragma once

#include "base/counter.h"
#include "proxy/tcp/close_reason.h"
#include "proxy/transparent/come_from.h"

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
  Counter dials_as_client;   ///< attempts that have shown a backend the client's address
  CountersBy<ConnectError, kConnectErrors> connect_failures;
  /// Attempts that were to, and have shown this machine's.
  CountersBy<transparent::Failure, transparent::kFailures> client_address_failures;
  CountersBy<CloseReason, kCloseReasons> closed;
};

}  // namespace wherry::tcp
