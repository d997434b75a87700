#pragma once

#include "watcher/model/endpoint_slice.h"
#include "watcher/model/node.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Objects in one line, with defaults that no test cares about:
///   service("web").cluster_ip("10.0.0.1").port("http", 80)
namespace wherry::test {

class ServiceBuilder {
 public:
  explicit ServiceBuilder(std::string name, std::string name_space = "default");

  ServiceBuilder& cluster_ip(const std::string& address);
  ServiceBuilder& port(std::string name, std::uint16_t number, model::TargetPort target = {},
                       Protocol protocol = Protocol::TCP);
  ServiceBuilder& node_port(std::uint16_t number);  ///< of the last port
  ServiceBuilder& selector(std::string key, std::string value);
  ServiceBuilder& family(IpFamily family);
  ServiceBuilder& type(model::ServiceType type);
  ServiceBuilder& headless();
  ServiceBuilder& external_ip(const std::string& address);
  ServiceBuilder& load_balancer_ip(const std::string& address);
  ServiceBuilder& label(std::string key, std::string value);
  ServiceBuilder& annotation(std::string key, std::string value);
  ServiceBuilder& created(const std::string& timestamp);
  ServiceBuilder& publish_not_ready();
  ServiceBuilder& internal_policy(model::TrafficPolicy policy);
  ServiceBuilder& external_policy(model::TrafficPolicy policy);
  ServiceBuilder& source_range(const std::string& cidr);
  /// A load balancer's Service with externalTrafficPolicy Local.
  ServiceBuilder& health_check_node_port(std::uint16_t number);

  operator model::Service() const { return service_; }      // NOLINT(google-explicit-constructor)
  operator std::shared_ptr<const model::Service>() const {  // NOLINT(google-explicit-constructor)
    return std::make_shared<const model::Service>(service_);
  }
  [[nodiscard]] const model::Service& get() const { return service_; }

 private:
  model::Service service_;
};

class SliceBuilder {
 public:
  SliceBuilder(std::string name, std::string service, std::string name_space = "default");

  SliceBuilder& ipv6();
  SliceBuilder& fqdn();
  SliceBuilder& label(std::string key, std::string value);
  SliceBuilder& annotation(std::string key, std::string value);
  SliceBuilder& port(std::string name, std::uint16_t number, Protocol protocol = Protocol::TCP);
  SliceBuilder& unnamed_port(std::uint16_t number);  ///< name absent, not ""
  SliceBuilder& unnumbered_port(std::string name);
  SliceBuilder& endpoint(const std::string& address);
  SliceBuilder& not_ready(const std::string& address);
  /// Not ready, still serving, being deleted.
  SliceBuilder& terminating(const std::string& address);
  SliceBuilder& on_node(std::string node);  ///< the last endpoint
  /// Hints of the last endpoint.
  SliceBuilder& hints(std::vector<std::string> zones, std::vector<std::string> nodes = {});
  SliceBuilder& pod(std::string name, std::string uid = "");  ///< behind the last endpoint

  operator model::EndpointSlice() const { return slice_; }  // NOLINT(google-explicit-constructor)
  operator std::shared_ptr<const model::EndpointSlice>()
      const {  // NOLINT(google-explicit-constructor)
    return std::make_shared<const model::EndpointSlice>(slice_);
  }
  [[nodiscard]] const model::EndpointSlice& get() const { return slice_; }

 private:
  model::EndpointSlice slice_;
};

class PodBuilder {
 public:
  explicit PodBuilder(std::string name, std::string name_space = "default");

  PodBuilder& label(std::string key, std::string value);
  PodBuilder& ip(const std::string& address);
  PodBuilder& ready(bool is_ready = true);
  PodBuilder& deleting();
  PodBuilder& phase(model::PodPhase phase);
  PodBuilder& port(std::string name, std::uint16_t number, Protocol protocol = Protocol::TCP);
  PodBuilder& node(std::string name);

  operator model::Pod() const { return pod_; }          // NOLINT(google-explicit-constructor)
  operator std::shared_ptr<const model::Pod>() const {  // NOLINT(google-explicit-constructor)
    return std::make_shared<const model::Pod>(pod_);
  }
  [[nodiscard]] const model::Pod& get() const { return pod_; }

 private:
  model::Pod pod_;
};

class NodeBuilder {
 public:
  explicit NodeBuilder(std::string name);

  NodeBuilder& zone(std::string name);
  NodeBuilder& address(const std::string& address);
  NodeBuilder& pod_cidr(const std::string& cidr);

  operator model::Node() const { return node_; }         // NOLINT(google-explicit-constructor)
  operator std::shared_ptr<const model::Node>() const {  // NOLINT(google-explicit-constructor)
    return std::make_shared<const model::Node>(node_);
  }
  [[nodiscard]] const model::Node& get() const { return node_; }

 private:
  model::Node node_;
};

/// As sources hand objects to sinks.
template <class T>
[[nodiscard]] std::shared_ptr<const T> shared(T object) {
  return std::make_shared<const T>(std::move(object));
}

template <class T>
[[nodiscard]] std::vector<std::shared_ptr<const T>> shared(const std::vector<T>& objects) {
  std::vector<std::shared_ptr<const T>> all;
  for (const T& object : objects) all.push_back(std::make_shared<const T>(object));
  return all;
}

[[nodiscard]] ServiceBuilder service(std::string name, std::string name_space = "default");
[[nodiscard]] SliceBuilder slice(std::string name, std::string service,
                                 std::string name_space = "default");
/// Running and ready, with an address.
[[nodiscard]] PodBuilder pod(std::string name, const std::string& address = "");

[[nodiscard]] NodeBuilder node(std::string name);

[[nodiscard]] IpAddress ip(const std::string& text);
[[nodiscard]] Cidr cidr(const std::string& text);
[[nodiscard]] SocketAddress at(const std::string& text);

}  // namespace wherry::test
