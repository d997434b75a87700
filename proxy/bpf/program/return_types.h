#pragma once

#include <linux/types.h>

/// What the return program and the process share: C and C++, no more than the kernel's own types.

enum {
  /// On packets that belong to a socket with a client's address; an `ip rule` leads what has it
  /// here. The one bit of the mark that is touched: 0x4000 and 0x8000 are kube-proxy's, 0x80 that
  /// of AWS' network, the upper half Calico's and Tailscale's, 0xf00 Cilium's.
  LB_RETURN_MARK = 0x40,
};

/// An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d; network order.
struct lb_return_address {
  __u32 word[4];
};

/// The address of the bridge that an interface is a port of.
struct lb_return_bridge {
  __u8 mac[6];
  __u8 zero[2];
};

enum { LB_RETURN_OWN = 1024, LB_RETURN_BRIDGES = 4096, LB_RETURN_FRAGMENTS = 4096 };
