#pragma once

#include "tests/support/sockets.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_pod.h"
#include "tests/support/wherry_process.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::test {

/// The path of the wherry binary that was built with the tests.
[[nodiscard]] const std::string& wherry_binary();

/// Runs `wherry ARGUMENTS...` to its end.
[[nodiscard]] ProcessResult wherry(const std::vector<std::string>& arguments);

/// What `wherry explain ARGUMENTS... -o json` answers; throws with its words if it does not.
[[nodiscard]] boost::json::value explanation(std::vector<std::string> arguments);

/// An address of 127.0.0.0/8 that this process alone uses in tests.
[[nodiscard]] IpAddress loopback_address(unsigned number);

/// A folder of manifests, pods that listen, and the wherry that serves them. The Service is called
/// my-service, selects app: myapp, and has a free port; its pods share one target port.
class Rig {
 public:
  Rig();

  /// Starts a pod on an address of its own and writes its manifest.
  TestPod& add_pod(const std::string& name, const std::string& app = "myapp");
  /// Takes its manifest away; the pod goes on listening.
  void forget_pod(const std::string& name);
  /// The pod listens no more; its manifest stays.
  void kill_pod(const std::string& name);
  /// Writes the manifest of a pod that somebody else plays.
  void write_pod(const std::string& name, const SocketAddress& address);
  void write_service();

  /// Starts wherry on the folder and waits until it is ready.
  WherryProcess& run(std::vector<std::string> arguments = {},
                     const std::vector<std::string>& wrapper = {});
  [[nodiscard]] WherryProcess& wherry() { return *wherry_; }

  /// Waits until every worker uses a table with so many endpoints.
  void wait_for_endpoints(std::size_t count);
  /// Waits until the Service's port listens, or until it refuses.
  void wait_for_listening(bool listening = true);

  /// Connects to the Service so often; who answered how often.
  [[nodiscard]] std::map<std::string, int> answers(int connections) const;

  TempFolder folder;
  std::uint16_t target_port;
  SocketAddress service;  ///< where the Service listens

 private:
  std::map<std::string, std::unique_ptr<TestPod>> pods_;
  unsigned next_address_ = 2;
  std::unique_ptr<WherryProcess> wherry_;
};

/// The rows of a JSON page of the admin server: "/table", "/endpoints", "/sessions".
[[nodiscard]] boost::json::array rows(const WherryProcess& wherry, const std::string& path);

/// The row of /table for a service port, named as namespace/name:port; throws if there is none.
[[nodiscard]] boost::json::object service_row(const WherryProcess& wherry,
                                              const std::string& service);

/// A Service of one port without a target port of its own.
[[nodiscard]] std::string minimal_service(const std::string& name, std::uint16_t port,
                                          const std::string& metadata = "");

}  // namespace wherry::test
