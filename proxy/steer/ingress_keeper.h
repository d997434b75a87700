#pragma once

#include "proxy/bpf/return_program.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/node_record.h"
#include "proxy/steer/traffic_control.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace wherry::steer {

/// What the return program is told of this machine: its own addresses, and whose bridges' ports
/// interfaces are. Pure.
[[nodiscard]] bpf::ReturnScope return_scope(const NetworkState& now);

/// Adds what of ours hangs on interfaces and `links` does not list, for when a record is lost or in
/// another folder: filters by their name, and the qdiscs below them, which may have been made by
/// somebody else but are of no use to anyone unless something else hangs there. What `links` does
/// list is left as it says.
[[nodiscard]] error_code add_unlisted(TrafficControl& tc, std::vector<LinkChange>& links);

/// Keeps the return program at the ingress of every interface but lo, as they come and go.
///
/// Control thread only. Touches the filter under our priority and handle and no other. The qdisc
/// that filters hang on is made where there is none, and goes with the filter if it was made here
/// and nobody else uses it.
class IngressKeeper {
 public:
  /// `left`: what a predecessor's record lists; it is taken over.
  IngressKeeper(TrafficControl& tc, bpf::ReturnProgram& program,
                const std::vector<LinkChange>& left = {});

  /// Compares with what is there and makes it so (R7). Says how many filters were put back that
  /// somebody had taken away. An error: nothing could be looked at.
  [[nodiscard]] Result<std::size_t> check(const NetworkState& now);

  /// For a stop. What could not be removed stays in links(); the first failure.
  NetlinkFailure remove_all();

  /// What is ours on interfaces, for the record: write it before check() is called with interfaces
  /// that are not in it, so that nothing can be left unlisted.
  [[nodiscard]] std::vector<LinkChange> links() const;
  /// Interfaces without the program, as one would tell an operator.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// On how many interfaces the program is.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct Place {
    std::string name;
    bool made_hook = false;  ///< the qdisc is ours
    bool attached = false;
    NetlinkFailure failure;
  };

  [[nodiscard]] bool look_after(unsigned interface, Place& place, bool has_hook);
  [[nodiscard]] NetlinkFailure remove(unsigned interface, const Place& place);

  TrafficControl& tc_;
  bpf::ReturnProgram& program_;
  std::map<unsigned, Place> places_;
};

}  // namespace wherry::steer
