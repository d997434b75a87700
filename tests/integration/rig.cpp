#include "tests/integration/rig.h"

#include "base/open_files.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <unistd.h>

namespace wherry::test {

namespace json = boost::json;

namespace {

/// Many clients and pods live in the test's own process.
class ManyOpenFiles final : public testing::Environment {
  void SetUp() override { raise_open_file_limit(); }
};
const testing::Environment* const kManyOpenFiles =
    testing::AddGlobalTestEnvironment(std::make_unique<ManyOpenFiles>().release());

}  // namespace

const std::string& wherry_binary() {
  static const std::string path = WHERRY_BINARY;
  return path;
}

ProcessResult wherry(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{wherry_binary()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command);
}

json::value explanation(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "explain");
  arguments.insert(arguments.end(), {"-o", "json"});
  const ProcessResult result = wherry(arguments);
  if (result.exit_code != 0) throw std::runtime_error(result.err);
  return json::parse(result.out);
}

IpAddress loopback_address(unsigned number) {
  const auto pid = static_cast<unsigned>(::getpid());
  return *IpAddress::parse("127." + std::to_string(100 + pid / 250 % 100) + '.' +
                           std::to_string(1 + pid % 250) + '.' + std::to_string(number));
}

Rig::Rig() : target_port(free_port()), service{IpAddress::loopback(IpFamily::IPv4), free_port()} {}

TestPod& Rig::add_pod(const std::string& name, const std::string& app) {
  const SocketAddress address{loopback_address(next_address_++), target_port};
  auto& pod = pods_[name] = std::make_unique<TestPod>(name, address);
  folder.replace(name + ".yaml", pod_manifest(name, app, address.ip.to_string()));
  return *pod;
}

void Rig::forget_pod(const std::string& name) { folder.remove(name + ".yaml"); }

void Rig::kill_pod(const std::string& name) { pods_.at(name).reset(); }

void Rig::write_pod(const std::string& name, const SocketAddress& address) {
  target_port = address.port;
  folder.replace(name + ".yaml", pod_manifest(name, "myapp", address.ip.to_string()));
}

void Rig::write_service() {
  folder.replace("my-service.yaml",
                 service_manifest("my-service", "myapp", service.port, target_port));
}

WherryProcess& Rig::run(std::vector<std::string> arguments,
                        const std::vector<std::string>& wrapper) {
  arguments.insert(arguments.begin(), {"--manifests", folder.path().string()});
  wherry_ = std::make_unique<WherryProcess>(wherry_binary(), arguments,
                                            WherryProcess::WaitUntil::Ready, wrapper);
  return *wherry_;
}

void Rig::wait_for_endpoints(std::size_t count) {
  const auto is_live = [&] {
    if (rows(*wherry_, "/endpoints").size() != count) return false;
    // The page shows the newest table; the metric, the one that every worker uses.
    const auto live = static_cast<long>(wherry_->metric("wherry_table_generation"));
    return wherry_->get("/readyz?verbose").find("generation " + std::to_string(live) + ',') !=
           std::string::npos;
  };
  if (!eventually(is_live)) {
    throw std::runtime_error("there are not " + std::to_string(count) + " endpoints:\n" +
                             wherry_->get("/endpoints") + wherry_->log());
  }
}

void Rig::wait_for_listening(bool listening) {
  if (!eventually([&] { return (try_connect(service) == 0) == listening; })) {
    throw std::runtime_error("the Service's port is not as it should be:\n" + wherry_->log());
  }
}

std::map<std::string, int> Rig::answers(int connections) const {
  std::map<std::string, int> counts;
  for (int i = 0; i < connections; ++i) ++counts[ask(service)];
  return counts;
}

json::array rows(const WherryProcess& wherry, const std::string& path) {
  return json::parse(wherry.get(path)).as_array();
}

json::object service_row(const WherryProcess& wherry, const std::string& service) {
  for (const json::value& row : rows(wherry, "/table")) {
    const auto& object = row.as_object();
    if (std::string(object.at("namespace").as_string()) + '/' +
            std::string(object.at("service").as_string()) + ':' +
            std::string(object.at("port").as_string()) ==
        service) {
      return object;
    }
  }
  throw std::runtime_error("the table has no " + service);
}

std::string minimal_service(const std::string& name, std::uint16_t port,
                            const std::string& metadata) {
  return "apiVersion: v1\nkind: Service\nmetadata:\n  name: " + name + '\n' + metadata +
         "spec:\n  selector: {app: myapp}\n  ports:\n  - port: " + std::to_string(port) + '\n';
}

}  // namespace wherry::test
