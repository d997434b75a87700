#pragma once

#include "base/counter.h"
#include "proxy/udp/reason.h"

namespace wherry::udp {

/// What one worker counts. Written on the worker, summed over workers when read.
struct alignas(64) Counters {
  Counter flows_active;   ///< now
  Counter flows_total;    ///< that were begun
  Counter datagrams_in;   ///< client to backend
  Counter datagrams_out;  ///< backend to client
  Counter bytes_in;       ///< payload, client to backend
  Counter bytes_out;      ///< payload, backend to client
  Counter repicks;        ///< flows that got another backend while they went on
  Counter unreachables;   ///< clients that were told of a refusal by ICMP
  CountersBy<Drop, kDrops> dropped;
  CountersBy<FlowEnd, kFlowEnds> ended;
};

}  // namespace wherry::udp
