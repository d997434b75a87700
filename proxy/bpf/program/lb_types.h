#pragma once

#include <linux/types.h>

/// What the steering program and the process write into and read from the kernel's maps. The only
/// header that both share: C and C++, no more than the kernel's own types. No structure has padding
/// that is not named, so that keys can be compared byte by byte.

enum {
  /// Raise it whenever anything below changes, or what the program makes of it: pinned maps of
  /// another layout are not taken over but replaced.
  LB_LAYOUT = 1,
};

/// An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d; network order. All zeros (IPv6) and
/// ::ffff:0.0.0.0 (IPv4) stand for "a NodePort, at whichever address NodePorts count".
struct lb_address {
  __u32 word[4];
};

/// What becomes of a client, by the kind of client: two bits each, LB_OUTSIDE lowest.
enum { LB_FORWARD = 0, LB_REJECT = 1, LB_DROP = 2, LB_VERDICT_BITS = 2, LB_VERDICT_MASK = 3 };
/// The order of balancer::ClientKind.
enum { LB_OUTSIDE = 0, LB_NODE = 1, LB_POD = 2 };

/// `flags` of slots, ranges and, in their first slot, of the whole element.
enum {
  LB_UDP = 1,            ///< UDP; without it TCP
  LB_MORE_PORTS = 2,     ///< there are ports of this address in `ports`
  LB_RANGES = 4,         ///< there are ranges of this address in `ranges`
  LB_SECOND_RANGES = 8,  ///< with LB_RANGES: in the second of the two places that it has there
};

/// One port of an address.
struct lb_slot {
  __u32 sources;  ///< list in `sources`: who may where the verdict is to forward; 0: everybody
  __u16 port;     ///< host order; 0: the slot is free
  __u8 verdicts;
  __u8 flags;
};

enum { LB_SLOTS = 3 };

/// An address that Services have, and its first ports: most have no more. With its key an element
/// of the kernel's hash table just fits into 96 bytes; a fourth slot would cost 128.
struct lb_vip {
  struct lb_slot slots[LB_SLOTS];
};

/// Ports beyond the slots.
struct lb_port_key {
  struct lb_address address;
  __u16 port;  ///< host order
  __u8 flags;  ///< LB_UDP or 0
  __u8 zero;
};

struct lb_target {
  __u32 sources;
  __u8 verdicts;
  __u8 zero[3];
};

struct lb_range {
  __u32 sources;
  __u16 first;  ///< host order; 0: no range here, nor after
  __u16 last;
  __u8 verdicts;
  __u8 flags;
  __u16 zero;
};

/// An address has two places, so that all its ranges and slots can be replaced at once.
struct lb_ranges_key {
  struct lb_address address;
  __u32 second;  ///< 0 or 1
};

enum { LB_RANGES_PER_ADDRESS = 64 };

/// The port ranges of an address, those that count before others first.
struct lb_ranges {
  struct lb_range range[LB_RANGES_PER_ADDRESS];
};

/// A block of addresses in a list. `length` covers `list` too: 32 more than the block's own, and
/// for IPv4 96 more again.
struct lb_prefix {
  __u32 length;
  __u32 list;  ///< with LB_LIST_IPV6 for IPv6, so that ::/0 holds no IPv4 address
  struct lb_address address;
};

enum { LB_LIST_IPV6 = 1 << 30, LB_PREFIX_BITS = 32, LB_IPV4_BITS = 96, LB_ADDRESS_BITS = 128 };

/// Lists in `scopes`. Those in `sources` begin at 1 too.
enum { LB_SERVICE_CIDRS = 1, LB_POD_CIDRS = 2 };

/// Values in `addresses`: what an address of this machine is.
enum { LB_NODE_ADDRESS = 1, LB_NODE_PORT_ADDRESS = 2 };

/// Indices into `sockets`: LB_SOCKET_UDP + LB_SOCKET_IPV6 + LB_SOCKET_SILENT, each or not.
enum { LB_SOCKET_UDP = 1, LB_SOCKET_IPV6 = 2, LB_SOCKET_SILENT = 4, LB_SOCKETS = 8 };

/// Indices into `counts`: what became of lookups.
enum {
  LB_COUNT_FORWARDED = 0,
  LB_COUNT_REJECTED = 1,      ///< by a verdict
  LB_COUNT_DROPPED = 2,       ///< by a verdict
  LB_COUNT_SOURCE = 3,        ///< dropped: not in the source ranges (F1)
  LB_COUNT_WRONG_PORT = 4,    ///< rejected: the address is a Service's, the port is none (E10)
  LB_COUNT_FREE_ADDRESS = 5,  ///< dropped: a service CIDR's address that no Service has (E10)
  LB_COUNT_NO_SOCKET = 6,     ///< rejected: nobody listens at the moment
  LB_COUNTS = 7,
};
