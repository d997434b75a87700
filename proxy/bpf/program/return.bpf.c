// Brings the answers of backends to sockets that have a client's address (design, section 5). Their
// destination is a pod or a stranger, so they would be routed past this machine: here, before that,
// those that belong to a socket get a mark, by which a rule leads them to it. Everything else is
// left as it is, and to the programs after this one.
//
// Runs at tc ingress of every interface but lo. Linux 5.15.

#include "return_types.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { NEXT_FRAGMENT = 44, NEXT_ICMPV6 = 58 };           // IANA's numbers of next headers
enum { STATE_ESTABLISHED = 1, STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_LISTEN = 10 };  // net/tcp_states.h
// RFC 792, RFC 4443. The kernel's headers for it want libc's.
enum { ICMP_UNREACHABLE = 3, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12 };
enum { ICMPV6_FIRST_INFORMATION = 128 };  // below are errors
enum { ICMP_HEADER = 8 };
enum { MORE_FRAGMENTS = 0x2000, FRAGMENT_OFFSET = 0x1fff };
enum { IPV6_FRAGMENT_OFFSET = 0xfff8, IPV6_MORE_FRAGMENTS = 1 };

/// Addresses of this machine's interfaces: what goes there comes here by itself.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, LB_RETURN_OWN);
  __type(key, struct lb_return_address);
  __type(value, __u32);
} own SEC(".maps");

/// By interface. A bridge would pass a frame on to the client that it is addressed to.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, LB_RETURN_BRIDGES);
  __type(key, __u32);
  __type(value, struct lb_return_bridge);
} bridges SEC(".maps");

struct fragment {
  struct lb_return_address source;
  struct lb_return_address destination;
  __u32 id;
  __u32 protocol;
};

/// Datagrams whose first fragment was ours: the others have no ports.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, LB_RETURN_FRAGMENTS);
  __type(key, struct fragment);
  __type(value, __u32);
} fragments SEC(".maps");

/// What is looked at of a packet.
struct packet {
  struct lb_return_address source;
  struct lb_return_address destination;
  __u32 offset;  ///< of what follows the IP headers, from the first of them
  __u32 id;      ///< of a fragment
  __u8 protocol;
  bool ipv6;
  bool fragmented;
  bool first;  ///< has what follows the IP headers
};

static __always_inline bool load(struct __sk_buff *skb, __u32 offset, void *to, __u32 size) {
  return bpf_skb_load_bytes_relative(skb, offset, to, size, BPF_HDR_START_NET) == 0;
}

static __always_inline void map_ipv4(struct lb_return_address *to, __be32 address) {
  to->word[0] = 0;
  to->word[1] = 0;
  to->word[2] = bpf_htonl(0xffff);
  to->word[3] = address;
}

/// Reads the IP header at `offset`: the packet's own, or the one that an ICMP error quotes.
static __always_inline bool read_ipv4(struct __sk_buff *skb, __u32 offset, struct packet *packet) {
  struct iphdr header;
  if (!load(skb, offset, &header, sizeof header) || header.version != 4 || header.ihl < 5) {
    return false;
  }
  map_ipv4(&packet->source, header.saddr);
  map_ipv4(&packet->destination, header.daddr);
  packet->protocol = header.protocol;
  packet->offset = offset + header.ihl * 4;
  packet->id = header.id;
  packet->ipv6 = false;
  packet->fragmented = header.frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET);
  packet->first = !(header.frag_off & bpf_htons(FRAGMENT_OFFSET));
  return true;
}

static __always_inline bool read_ipv6(struct __sk_buff *skb, __u32 offset, struct packet *packet) {
  struct ipv6hdr header;
  if (!load(skb, offset, &header, sizeof header) || header.version != 6) return false;
  __builtin_memcpy(&packet->source, &header.saddr, sizeof packet->source);
  __builtin_memcpy(&packet->destination, &header.daddr, sizeof packet->destination);
  packet->protocol = header.nexthdr;
  packet->offset = offset + sizeof header;
  packet->id = 0;
  packet->ipv6 = true;
  packet->fragmented = false;
  packet->first = true;
  if (header.nexthdr != NEXT_FRAGMENT) return true;  // other extension headers: no TCP, no UDP
  struct {
    __u8 next;
    __u8 reserved;
    __be16 offset;
    __be32 id;
  } part;
  if (!load(skb, packet->offset, &part, sizeof part)) return false;
  packet->protocol = part.next;
  packet->offset += sizeof part;
  packet->id = part.id;
  packet->fragmented = part.offset & bpf_htons(IPV6_FRAGMENT_OFFSET | IPV6_MORE_FRAGMENTS);
  packet->first = !(part.offset & bpf_htons(IPV6_FRAGMENT_OFFSET));
  return true;
}

struct ports {
  __be16 source;
  __be16 destination;
};

/// Whether a socket of this network namespace is in a conversation from `source` to `destination`.
static __always_inline bool has_socket(struct __sk_buff *skb, const struct packet *packet,
                                       const struct lb_return_address *source,
                                       const struct lb_return_address *destination, __be16 from,
                                       __be16 to) {
  struct bpf_sock_tuple tuple = {};
  __u32 size = sizeof tuple.ipv4;
  if (packet->ipv6) {
    size = sizeof tuple.ipv6;
    __builtin_memcpy(tuple.ipv6.saddr, source, sizeof tuple.ipv6.saddr);
    __builtin_memcpy(tuple.ipv6.daddr, destination, sizeof tuple.ipv6.daddr);
    tuple.ipv6.sport = from;
    tuple.ipv6.dport = to;
  } else {
    tuple.ipv4.saddr = source->word[3];
    tuple.ipv4.daddr = destination->word[3];
    tuple.ipv4.sport = from;
    tuple.ipv4.dport = to;
  }
  struct bpf_sock *sock;
  bool ours;
  if (packet->protocol == IPPROTO_TCP) {
    sock = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
    if (!sock) return false;
    // Not one in TIME_WAIT: the client may have used its numbers for a connection without us since,
    // and to a FIN that is sent again the client itself answers with a RST, which ends it as well.
    ours = sock->state != STATE_LISTEN && sock->state != STATE_CLOSE &&
           sock->state != STATE_TIME_WAIT;
  } else {
    sock = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
    if (!sock) return false;
    // One that is connected, and the kernel has compared with whom.
    ours = sock->state == STATE_ESTABLISHED;
  }
  bpf_sk_release(sock);
  return ours;
}

/// An ICMP error quotes the packet that it is about: one that a socket of ours has sent?
static __always_inline bool is_about_ours(struct __sk_buff *skb, __u32 offset, bool ipv6) {
  __u8 type;
  if (!load(skb, offset, &type, sizeof type)) return false;
  if (ipv6 ? type >= ICMPV6_FIRST_INFORMATION
           : type != ICMP_UNREACHABLE && type != ICMP_TIME_EXCEEDED &&
                 type != ICMP_PARAMETER) {
    return false;
  }
  struct packet quoted = {};
  const __u32 inner = offset + ICMP_HEADER;
  if (!(ipv6 ? read_ipv6(skb, inner, &quoted) : read_ipv4(skb, inner, &quoted))) return false;
  if (!quoted.first || (quoted.protocol != IPPROTO_TCP && quoted.protocol != IPPROTO_UDP)) {
    return false;
  }
  struct ports ports;
  if (!load(skb, quoted.offset, &ports, sizeof ports)) return false;
  return has_socket(skb, &quoted, &quoted.destination, &quoted.source, ports.destination,
                    ports.source);
}

static __always_inline bool is_ours(struct __sk_buff *skb, const struct packet *packet) {
  if (packet->protocol == (packet->ipv6 ? NEXT_ICMPV6 : IPPROTO_ICMP)) {
    return packet->first && is_about_ours(skb, packet->offset, packet->ipv6);
  }
  if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) return false;
  struct fragment key = {};
  if (packet->fragmented) {
    key.source = packet->source;
    key.destination = packet->destination;
    key.id = packet->id;
    key.protocol = packet->protocol;
    if (!packet->first) return bpf_map_lookup_elem(&fragments, &key) != NULL;
  }
  struct ports ports;
  if (!load(skb, packet->offset, &ports, sizeof ports)) return false;
  if (packet->protocol == IPPROTO_TCP) {
    // Who begins a connection does not answer one. Spares the look at the listeners, too.
    __u8 flags;
    if (!load(skb, packet->offset + 13, &flags, sizeof flags)) return false;
    if ((flags & 0x12) == 0x02) return false;  // SYN without ACK
  }
  if (!has_socket(skb, packet, &packet->source, &packet->destination, ports.source,
                  ports.destination)) {
    return false;
  }
  if (packet->fragmented) {
    const __u32 seen = 1;
    bpf_map_update_elem(&fragments, &key, &seen, BPF_ANY);
  }
  return true;
}

SEC("tc")
int wherry_return(struct __sk_buff *skb) {
  struct packet packet = {};
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    if (!read_ipv4(skb, 0, &packet)) return TC_ACT_UNSPEC;
  } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
    if (!read_ipv6(skb, 0, &packet)) return TC_ACT_UNSPEC;
  } else {
    return TC_ACT_UNSPEC;
  }
  if (bpf_map_lookup_elem(&own, &packet.destination)) return TC_ACT_UNSPEC;
  if (!is_ours(skb, &packet)) return TC_ACT_UNSPEC;
  skb->mark |= LB_RETURN_MARK;
  const __u32 interface = skb->ifindex;
  const struct lb_return_bridge *bridge = bpf_map_lookup_elem(&bridges, &interface);
  if (bridge) bpf_skb_store_bytes(skb, 0, bridge->mac, sizeof bridge->mac, 0);
  return TC_ACT_UNSPEC;
}

// No helper above is for GPL programs only.
char LICENSE[] SEC("license") = "Apache-2.0";
