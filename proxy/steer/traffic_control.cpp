#include "proxy/steer/traffic_control.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

constexpr std::uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr std::uint32_t kEgress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);

tcmsg message(unsigned interface, std::uint32_t parent, std::uint32_t handle) {
  tcmsg of{};
  of.tcm_family = AF_UNSPEC;
  of.tcm_ifindex = static_cast<int>(interface);
  of.tcm_parent = parent;
  of.tcm_handle = handle;
  return of;
}

tcmsg our_filter(unsigned interface) {
  tcmsg of = message(interface, kIngress, kFilterHandle);
  of.tcm_info = TC_H_MAKE(kFilterPriority << 16, htons(ETH_P_ALL));
  return of;
}

tcmsg hook(unsigned interface) {
  return message(interface, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0));
}

/// The interface is gone, or the hook, or what hung there.
bool is_nothing_there(const error_code& code) {
  return code == errc::no_such_device || code == errc::no_such_file_or_directory ||
         code == errc::invalid_argument;
}

}  // namespace

bool tells_of_removed_filter(const NetlinkAnswer& message) {
  const auto* of = message.fixed<tcmsg>();
  if (of == nullptr) return false;
  switch (message.type()) {
    case RTM_DELQDISC:
      return of->tcm_parent == TC_H_CLSACT;
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER: {
      const bool may_be_it = of->tcm_handle == kFilterHandle ||
                             (message.type() == RTM_DELTFILTER && of->tcm_handle == 0);
      // Of an ingress qdisc somebody may call the place ffff: as well.
      return may_be_it && of->tcm_parent != kEgress && of->tcm_info >> 16 == kFilterPriority;
    }
    default:
      return false;
  }
}

Result<std::set<unsigned>> NetlinkTrafficControl::hooked() {
  NetlinkRequest request(RTM_GETQDISC, NLM_F_DUMP);
  request.fixed(message(0, 0, 0));
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) return answers.error();
  std::set<unsigned> found;
  answers->each(RTM_NEWQDISC, [&found](const NetlinkAnswer& answer) {
    const auto* of = answer.fixed<tcmsg>();
    if (of == nullptr) return;
    const std::string kind = answer.attributes<tcmsg>().text(TCA_KIND);
    if (kind == "clsact" || kind == "ingress") found.insert(static_cast<unsigned>(of->tcm_ifindex));
  });
  return found;
}

Result<HookFilters> NetlinkTrafficControl::filters(unsigned interface) {
  HookFilters found;
  for (const std::uint32_t parent : {kIngress, kEgress}) {
    if (const error_code error = add_filters(interface, parent, found)) return error;
  }
  return found;
}

error_code NetlinkTrafficControl::add_filters(unsigned interface, std::uint32_t parent,
                                              HookFilters& into) {
  NetlinkRequest request(RTM_GETTFILTER, NLM_F_DUMP);
  request.fixed(message(interface, parent, 0));
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) return is_nothing_there(answers.error()) ? error_code() : answers.error();
  answers->each(RTM_NEWTFILTER, [&into, parent](const NetlinkAnswer& answer) {
    const auto* of = answer.fixed<tcmsg>();
    // Each priority has a line of its own, without a filter: handle 0.
    if (of == nullptr || of->tcm_handle == 0) return;
    const auto attributes = answer.attributes<tcmsg>();
    const auto options = attributes.nested(TCA_OPTIONS);
    if (parent == kIngress && of->tcm_handle == kFilterHandle &&
        of->tcm_info >> 16 == kFilterPriority && attributes.text(TCA_KIND) == "bpf" &&
        options.text(TCA_BPF_NAME) == kFilterName) {
      into.ours = options.number(TCA_BPF_ID);
    } else {
      into.others = true;
    }
  });
  return {};
}

NetlinkFailure NetlinkTrafficControl::add_hook(unsigned interface) {
  NetlinkRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
  request.fixed(hook(interface)).text(TCA_KIND, "clsact");
  return netlink_.request(std::move(request));
}

NetlinkFailure NetlinkTrafficControl::remove_hook(unsigned interface) {
  NetlinkRequest request(RTM_DELQDISC, 0);
  request.fixed(hook(interface)).text(TCA_KIND, "clsact");
  auto failure = netlink_.request(std::move(request));
  return is_nothing_there(failure.code) ? NetlinkFailure() : failure;
}

NetlinkFailure NetlinkTrafficControl::put(unsigned interface, int program) {
  NetlinkRequest request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE);
  request.fixed(our_filter(interface))
      .text(TCA_KIND, "bpf")
      .nested(TCA_OPTIONS | NLA_F_NESTED, [program](NetlinkRequest& options) {
        options.number(TCA_BPF_FD, static_cast<std::uint32_t>(program))
            .text(TCA_BPF_NAME, kFilterName)
            .number(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
      });
  return netlink_.request(std::move(request));
}

NetlinkFailure NetlinkTrafficControl::take(unsigned interface) {
  NetlinkRequest request(RTM_DELTFILTER, 0);
  request.fixed(our_filter(interface)).text(TCA_KIND, "bpf");
  auto failure = netlink_.request(std::move(request));
  return is_nothing_there(failure.code) ? NetlinkFailure() : failure;
}

}  // namespace wherry::steer
