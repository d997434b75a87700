#include "balancer/own_listeners.h"

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "tests/support/builders.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::balancer {
namespace {

/// Services that listen on 127.0.0.1 and have one backend each.
class OwnListenersTest : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& listen, const std::string& backend) {
    const SocketAddress to = *SocketAddress::parse(backend);
    services_.upsert(test::service(name).port("", 80));
    slices_.upsert(test::slice(name + "-1", name).port("", to.port).endpoint(to.ip.to_string()));
    auto changed = services_.take_changes();
    changed.merge(slices_.take_changes());
    table_ = builder_.build(changed);
    own_.set(*SocketAddress::parse(listen), id(name));
  }
  [[nodiscard]] ServicePortId id(const std::string& name) const {
    for (const auto* entry : table_->sorted()) {
      if (entry->service_port.key.service.name == name) return entry->id;
    }
    return {};
  }
  [[nodiscard]] bool leads_back(const std::string& from, const std::string& backend,
                                OwnListeners::Local local = OwnListeners::Local::Unknown) const {
    return own_.lead_back(*table_, id(from), *SocketAddress::parse(backend), local);
  }

  ServiceTracker services_{{}, [] {}};
  SliceTracker slices_{[] {}};
  TableBuilder builder_{services_, slices_, ""};
  std::shared_ptr<const BackendTable> table_ = builder_.latest();
  OwnListeners own_;
};

TEST_F(OwnListenersTest, ABackendElsewhereDoesNotLeadBack) {
  add("a", "127.0.0.1:80", "127.0.0.2:8080");

  EXPECT_FALSE(leads_back("a", "127.0.0.2:8080"));
}

TEST_F(OwnListenersTest, AServicePortsOwnListenerLeadsBack) {
  add("a", "127.0.0.1:80", "127.0.0.1:80");

  EXPECT_TRUE(leads_back("a", "127.0.0.1:80"));
}

TEST_F(OwnListenersTest, AnotherServicePortIsAGoodBackend) {
  add("a", "127.0.0.1:80", "127.0.0.1:81");
  add("b", "127.0.0.1:81", "127.0.0.2:8080");

  EXPECT_FALSE(leads_back("a", "127.0.0.1:81"));
}

TEST_F(OwnListenersTest, ACircleOfServicePortsLeadsBack) {
  add("a", "127.0.0.1:80", "127.0.0.1:81");
  add("b", "127.0.0.1:81", "127.0.0.1:82");
  add("c", "127.0.0.1:82", "127.0.0.1:80");

  EXPECT_TRUE(leads_back("a", "127.0.0.1:81"));
  EXPECT_TRUE(leads_back("b", "127.0.0.1:82"));
}

TEST_F(OwnListenersTest, ACircleThatOneOnlyLeadsIntoDoesNotLeadBack) {
  add("a", "127.0.0.1:80", "127.0.0.1:81");
  add("b", "127.0.0.1:81", "127.0.0.1:82");
  add("c", "127.0.0.1:82", "127.0.0.1:81");

  EXPECT_FALSE(leads_back("a", "127.0.0.1:81"));
}

TEST_F(OwnListenersTest, AWildcardTakesEveryLoopbackAddressAndEveryLocalOne) {
  add("a", "0.0.0.0:80", "192.0.2.1:80");

  EXPECT_TRUE(leads_back("a", "127.0.0.9:80"));
  EXPECT_FALSE(leads_back("a", "192.0.2.1:80"));
  EXPECT_TRUE(leads_back("a", "192.0.2.1:80", OwnListeners::Local::Yes));
  EXPECT_TRUE(own_.have_wildcard(*SocketAddress::parse("192.0.2.1:80")));
  EXPECT_FALSE(own_.have_wildcard(*SocketAddress::parse("192.0.2.1:81")));
}

TEST_F(OwnListenersTest, AListenerThatIsClosedLeadsNowhere) {
  add("a", "127.0.0.1:80", "127.0.0.1:80");

  own_.erase(*SocketAddress::parse("127.0.0.1:80"));

  EXPECT_FALSE(leads_back("a", "127.0.0.1:80"));
}

}  // namespace
}  // namespace wherry::balancer
