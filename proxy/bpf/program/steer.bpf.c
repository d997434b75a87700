// Which socket takes a connection or a datagram that comes to an address of a Service, or whether
// it is refused: the kernel asks here before it looks for a listener (sk_lookup, Linux 5.9; the
// other parts need 5.15). What is no Service's passes to the host as if nothing were here.
//
// Packets of established connections, TCP's and those of connected UDP sockets, never come here.

#include "lb_types.h"

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/socket.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10 };  // AF_INET, AF_INET6: libc's header is not for BPF
enum { LOOPBACK_INTERFACE = 1 };             // lo has this index in every network namespace

// Sizes that depend on the node are set by the process before it loads this.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct lb_address);
  __type(value, struct lb_vip);
} vips SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct lb_port_key);
  __type(value, struct lb_target);
} ports SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct lb_ranges_key);
  __type(value, struct lb_ranges);
} ranges SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, struct lb_address);
  __type(value, __u32);
} addresses SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, __u32);
  __type(value, __u32);
} interfaces SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4096);
  __type(key, struct lb_prefix);
  __type(value, __u32);
} scopes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct lb_prefix);
  __type(value, __u32);
} sources SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, LB_SOCKETS);
  __type(key, __u32);
  __type(value, __u64);
} sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, LB_COUNTS);
  __type(key, __u32);
  __type(value, __u64);
} counts SEC(".maps");

// Whether the kernel shows where a packet came in (5.17). Where it does not, reading that field
// would make the verifier refuse the program; with this at 0 it never looks at those lines.
const volatile __u32 has_ingress_interface = 1;

struct asked {
  struct lb_address client;
  struct lb_address address;
  __u32 interface;
  __u16 port;
  __u8 udp;   // LB_UDP or 0
  __u8 ipv6;  // 1 or 0
};

static __always_inline void count(__u32 what) {
  __u64 *value = bpf_map_lookup_elem(&counts, &what);
  if (value) *value += 1;
}

static __always_inline void put_ipv4(struct lb_address *to, __u32 ip) {
  to->word[0] = 0;
  to->word[1] = 0;
  to->word[2] = bpf_htonl(0xffff);
  to->word[3] = ip;
}

static __always_inline bool same(const struct lb_address *a, const struct lb_address *b) {
  return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
         a->word[3] == b->word[3];
}

static __always_inline bool is_ipv4(const struct lb_address *a) {
  return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback(const struct lb_address *a, bool ipv6) {
  if (!ipv6) return (a->word[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
  return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == 0 && a->word[3] == bpf_htonl(1);
}

static __always_inline bool in_list(void *map, __u32 list, const struct lb_address *address,
                                    bool ipv6) {
  const struct lb_prefix key = {
      .length = LB_PREFIX_BITS + LB_ADDRESS_BITS,
      .list = ipv6 ? list | LB_LIST_IPV6 : list,
      .address = *address,
  };
  return bpf_map_lookup_elem(map, &key) != 0;
}

// The same rules in the same order as balancer::client_kind().
static __always_inline __u32 client_kind(const struct asked *asked) {
  if (is_loopback(&asked->client, asked->ipv6)) return LB_NODE;
  if (same(&asked->client, &asked->address)) return LB_NODE;
  if (asked->interface == LOOPBACK_INTERFACE) return LB_NODE;
  const __u32 *is = bpf_map_lookup_elem(&addresses, &asked->client);
  if (is && (*is & LB_NODE_ADDRESS)) return LB_NODE;
  if (bpf_map_lookup_elem(&interfaces, &asked->interface)) return LB_POD;
  if (in_list(&scopes, LB_POD_CIDRS, &asked->client, asked->ipv6)) return LB_POD;
  return LB_OUTSIDE;
}

static __always_inline int hand_over(struct bpf_sk_lookup *ctx, const struct asked *asked,
                                     __u32 silent, __u32 counted) {
  const __u32 index =
      (asked->udp ? LB_SOCKET_UDP : 0) + (asked->ipv6 ? LB_SOCKET_IPV6 : 0) + silent;
  struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &index);
  if (!socket) {
    count(LB_COUNT_NO_SOCKET);
    return SK_DROP;
  }
  // Addresses of Services are ours, whatever another program has chosen.
  const long failed = bpf_sk_assign(ctx, socket, BPF_SK_LOOKUP_F_REPLACE);
  bpf_sk_release(socket);
  count(failed ? LB_COUNT_NO_SOCKET : counted);
  return failed ? SK_DROP : SK_PASS;
}

static __always_inline int drop(struct bpf_sk_lookup *ctx, const struct asked *asked, __u32 why) {
  return hand_over(ctx, asked, LB_SOCKET_SILENT, why);
}

// SK_DROP is no silence: the client gets an RST, or a port unreachable.
static __always_inline int reject(__u32 why) {
  count(why);
  return SK_DROP;
}

static __always_inline int act(struct bpf_sk_lookup *ctx, const struct asked *asked,
                               const struct lb_target *target) {
  const __u32 kind = client_kind(asked);
  const __u32 verdict = (target->verdicts >> (kind * LB_VERDICT_BITS)) & LB_VERDICT_MASK;
  if (verdict == LB_REJECT) return reject(LB_COUNT_REJECTED);
  if (verdict == LB_DROP) return drop(ctx, asked, LB_COUNT_DROPPED);
  if (target->sources && !in_list(&sources, target->sources, &asked->client, asked->ipv6)) {
    return drop(ctx, asked, LB_COUNT_SOURCE);
  }
  return hand_over(ctx, asked, 0, LB_COUNT_FORWARDED);
}

static __always_inline bool in_ranges(const struct lb_address *at, __u32 second,
                                      const struct asked *asked, struct lb_target *target) {
  const struct lb_ranges_key key = {.address = *at, .second = second};
  const struct lb_ranges *all = bpf_map_lookup_elem(&ranges, &key);
  if (!all) return false;
  // Unrolled, so that offsets are constants: without CAP_PERFMON the verifier takes no others here.
#pragma clang loop unroll(full)
  for (int i = 0; i < LB_RANGES_PER_ADDRESS; ++i) {
    const struct lb_range *range = &all->range[i];
    if (range->first == 0) break;
    if (asked->port >= range->first && asked->port <= range->last &&
        (range->flags & LB_UDP) == asked->udp) {
      target->sources = range->sources;
      target->verdicts = range->verdicts;
      return true;
    }
  }
  return false;
}

// What is said of the port that is asked for among those of `at`. A port by itself comes before
// ranges.
static __always_inline bool find(const struct lb_vip *vip, const struct lb_address *at,
                                 const struct asked *asked, struct lb_target *target) {
#pragma clang loop unroll(full)
  for (int i = 0; i < LB_SLOTS; ++i) {
    const struct lb_slot *slot = &vip->slots[i];
    if (slot->port == asked->port && (slot->flags & LB_UDP) == asked->udp) {
      target->sources = slot->sources;
      target->verdicts = slot->verdicts;
      return true;
    }
  }
  const __u8 flags = vip->slots[0].flags;
  if (flags & LB_MORE_PORTS) {
    const struct lb_port_key key = {.address = *at, .port = asked->port, .flags = asked->udp};
    const struct lb_target *found = bpf_map_lookup_elem(&ports, &key);
    if (found) {
      *target = *found;
      return true;
    }
  }
  return (flags & LB_RANGES) && in_ranges(at, (flags & LB_SECOND_RANGES) != 0, asked, target);
}

static __always_inline bool read_asked(struct bpf_sk_lookup *ctx, struct asked *asked) {
  if (ctx->protocol == IPPROTO_UDP) {
    asked->udp = LB_UDP;
  } else if (ctx->protocol != IPPROTO_TCP) {
    return false;
  }
  // The family is the packet's: a client that asks an IPv6 socket for ::ffff:10.0.0.1 sends IPv4.
  if (ctx->family == FAMILY_IPV4) {
    put_ipv4(&asked->client, ctx->remote_ip4);
    put_ipv4(&asked->address, ctx->local_ip4);
  } else if (ctx->family == FAMILY_IPV6) {
    asked->ipv6 = 1;
    asked->client.word[0] = ctx->remote_ip6[0];
    asked->client.word[1] = ctx->remote_ip6[1];
    asked->client.word[2] = ctx->remote_ip6[2];
    asked->client.word[3] = ctx->remote_ip6[3];
    asked->address.word[0] = ctx->local_ip6[0];
    asked->address.word[1] = ctx->local_ip6[1];
    asked->address.word[2] = ctx->local_ip6[2];
    asked->address.word[3] = ctx->local_ip6[3];
    // Nobody sends such a packet in good faith, and keys would take it for IPv4.
    if (is_ipv4(&asked->client) || is_ipv4(&asked->address)) return false;
  } else {
    return false;
  }
  asked->port = ctx->local_port;
  if (has_ingress_interface) asked->interface = *(volatile __u32 *)&ctx->ingress_ifindex;
  return true;
}

SEC("sk_lookup")
int wherry_steer(struct bpf_sk_lookup *ctx) {
  struct asked asked = {};
  struct lb_target target = {};
  if (!read_asked(ctx, &asked)) return SK_PASS;

  const struct lb_vip *vip = bpf_map_lookup_elem(&vips, &asked.address);
  if (vip && find(vip, &asked.address, &asked, &target)) return act(ctx, &asked, &target);

  __u32 own = LB_NODE_PORT_ADDRESS;
  if (!is_loopback(&asked.address, asked.ipv6)) {
    const __u32 *known = bpf_map_lookup_elem(&addresses, &asked.address);
    own = known ? *known : 0;
  }
  if (own & LB_NODE_PORT_ADDRESS) {
    struct lb_address any = {};
    if (!asked.ipv6) put_ipv4(&any, 0);
    vip = bpf_map_lookup_elem(&vips, &any);
    if (vip && find(vip, &any, &asked, &target)) return act(ctx, &asked, &target);
  }
  // The machine's own addresses stay the host's, also those that are a Service's external IP.
  if (own) return SK_PASS;
  if (vip) return reject(LB_COUNT_WRONG_PORT);
  if (in_list(&scopes, LB_SERVICE_CIDRS, &asked.address, asked.ipv6)) {
    return drop(ctx, &asked, LB_COUNT_FREE_ADDRESS);
  }
  return SK_PASS;
}

// No helper above is for GPL programs only.
char LICENSE[] SEC("license") = "Apache-2.0";
