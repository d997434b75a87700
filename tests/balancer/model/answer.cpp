#include "tests/balancer/model/answer.h"

#include "tests/support/builders.h"

#include <algorithm>
#include <array>
#include <set>

namespace wherry::balancer {
namespace {

// The same stand in tests/oracle/proxier.go.
constexpr std::array<std::string_view, 5> kClientsV4 = {"203.0.113.5", "203.0.113.200", "10.1.0.1",
                                                        "172.18.0.2", "192.0.2.100"};
constexpr std::array<std::string_view, 4> kClientsV6 = {"2001:db8:5::5", "fd00:10::1", "fd00:18::2",
                                                        "2001:db8::100"};

}  // namespace

std::string list_text(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
  return text + ']';
}

std::string endpoint_text(const std::string& address, bool ready, bool serving, bool terminating,
                          bool local) {
  return address + '=' + (ready ? "r" : "") + (serving ? "s" : "") + (terminating ? "t" : "") +
         (local ? "l" : "");
}

std::string admits_text(
    IpFamily family, std::vector<std::string> load_balancer_ips,
    const std::function<bool(const IpAddress& client, const IpAddress& address)>& admits) {
  std::vector<IpAddress> clients;
  for (const std::string_view text : kClientsV4) clients.push_back(test::ip(std::string(text)));
  for (const std::string_view text : kClientsV6) clients.push_back(test::ip(std::string(text)));
  std::erase_if(clients, [family](const IpAddress& each) { return each.family() != family; });
  std::sort(load_balancer_ips.begin(), load_balancer_ips.end());
  std::string text;
  for (const std::string& ip : load_balancer_ips) {
    const IpAddress address = test::ip(ip);
    for (const IpAddress& client : clients) text += admits(client, address) ? 'y' : 'n';
    text += admits(address, address) ? 'y' : 'n';
  }
  return text;
}

std::string PortAnswer::to_line() const {
  std::string line = key + " ip=" + cluster_ip + " port=" + std::to_string(port);
  line += " node_port=" + std::to_string(node_port);
  line += " external_ips=" + list_text(external_ips) + " vips=" + list_text(load_balancer_ips);
  line += " affinity=" + affinity + " admits=" + admits;
  line += " endpoints=" + list_text(endpoints);
  line += " cluster=" + list_text(cluster) + " local=" + list_text(local);
  line += " internal=" + internal;
  if (!external.empty()) line += " external=" + external + " from_node=" + from_node;
  if (!health.empty()) line += " health=" + health;
  return line;
}

Answer to_answer(const std::vector<std::string>& lines) {
  Answer answer;
  for (const std::string& line : lines) answer.emplace(line.substr(0, line.find(' ')), line);
  return answer;
}

std::string difference(const Answer& a, const Answer& b, const std::vector<std::string>& left_out) {
  std::set<std::string> keys;
  for (const auto& [key, line] : a) keys.insert(key);
  for (const auto& [key, line] : b) keys.insert(key);
  for (const std::string& key : left_out) keys.erase(key);
  std::string text;
  for (const std::string& key : keys) {
    const auto in_a = a.find(key);
    const auto in_b = b.find(key);
    if (in_a != a.end() && in_b != b.end() && in_a->second == in_b->second) continue;
    text += "- " + (in_a == a.end() ? "no " + key : in_a->second) + '\n';
    text += "+ " + (in_b == b.end() ? "no " + key : in_b->second) + '\n';
  }
  return text;
}

}  // namespace wherry::balancer
