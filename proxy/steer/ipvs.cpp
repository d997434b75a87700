#include "proxy/steer/ipvs.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {

namespace errc = boost::system::errc;

Result<std::uint16_t> find_family(NetlinkSocket& generic, std::string_view name) {
  genlmsghdr fixed{};
  fixed.cmd = CTRL_CMD_GETFAMILY;
  fixed.version = 1;
  NetlinkRequest request(GENL_ID_CTRL, 0);
  request.fixed(fixed).text(CTRL_ATTR_FAMILY_NAME, name);
  const auto answers = generic.ask(std::move(request));
  if (!answers) return answers.error();
  std::optional<std::uint16_t> number;
  answers->each(GENL_ID_CTRL, [&number](const NetlinkAnswer& each) {
    const auto found = each.attributes<genlmsghdr>().find(CTRL_ATTR_FAMILY_ID);
    if (!found || found->bytes().size() < sizeof(std::uint16_t)) return;
    number = *reinterpret_cast<const std::uint16_t*>(found->bytes().data());
  });
  if (!number) return make_error_code(errc::bad_message);
  return *number;
}

NetlinkRequest flush_ipvs_request(std::uint16_t family) {
  genlmsghdr fixed{};
  fixed.cmd = IPVS_CMD_FLUSH;
  fixed.version = IPVS_GENL_VERSION;
  NetlinkRequest request(family, 0);
  request.fixed(fixed);
  return request;
}

NetlinkFailure flush_ipvs(NetlinkSocket& generic) {
  const auto family = find_family(generic, IPVS_GENL_NAME);
  if (!family) {
    const error_code& error = family.error();
    return {error == errc::no_such_file_or_directory ? error_code() : error, {}};
  }
  return generic.request(flush_ipvs_request(*family));
}

NetlinkFailure delete_interface(NetlinkSocket& route, unsigned index) {
  ifinfomsg fixed{};
  fixed.ifi_family = AF_UNSPEC;
  fixed.ifi_index = static_cast<int>(index);
  NetlinkRequest request(RTM_DELLINK, 0);
  request.fixed(fixed);
  return route.request(std::move(request));
}

}  // namespace wherry::steer
