#include "proxy/tcp/dial.h"

#include "base/raw_socket_address.h"
#include "base/result.h"
#include "proxy/transparent/open_towards.h"
#include "tests/support/builders.h"
#include "tests/support/net_namespace.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace wherry::tcp {
namespace {

using test::at;
using test::TestListener;
using transparent::Failure;

SocketAddress peer_of(const UniqueFd& socket) {
  RawSocketAddress raw;
  ::getpeername(socket.get(), raw.get(), &raw.size);
  return raw.to_socket_address();
}

/// Whether the kernel (6.3) chooses the client's port.
bool keeps_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint32_t range = 40000u << 16 | 40000u;
  return ::setsockopt(socket.get(), IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE */, &range,
                      sizeof range) == 0;
}

/// The address of a client; its port counts only where the kernel keeps it.
void expect_client(const SocketAddress& seen, const SocketAddress& client) {
  EXPECT_EQ(seen.ip, client.ip);
  if (keeps_port()) {
    EXPECT_EQ(seen.port, client.port);
  }
}

/// A port of 127.0.0.9 that nobody has.
SocketAddress client() { return {test::ip("127.0.0.9"), test::closed_port().port}; }

/// Of the client's address one of loopback is enough here: what comes back finds the way.
class DialAsClient : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    space_ = std::make_unique<test::NetNamespace>();
    inside_ = std::make_unique<test::NetNamespace::Inside>(*space_);
    EXPECT_FALSE(transparent::try_permission(IpFamily::IPv4));
  }

 private:
  std::unique_ptr<test::NetNamespace> space_;
  std::unique_ptr<test::NetNamespace::Inside> inside_;
};

TEST(Dial, WithoutAClientComesFromThisMachine) {
  const TestListener backend;

  const Dial made = dial(backend.address(), std::nullopt);

  ASSERT_TRUE(made.socket);
  EXPECT_FALSE(made.as_client);
  EXPECT_EQ(made.fallback, std::nullopt);
  EXPECT_EQ(peer_of(backend.accept()).ip, test::ip("127.0.0.1"));
}

TEST(Dial, ABackendThatRefusesIsNoMatterOfTheSource) {
  const Dial made = dial(test::closed_port(), std::nullopt);

  EXPECT_TRUE(made.socket || made.error == ECONNREFUSED);
}

TEST_F(DialAsClient, ComesFromTheClientsAddressAndPort) {
  const TestListener backend;
  const SocketAddress as = client();

  const Dial made = dial(backend.address(), as);

  ASSERT_TRUE(made.socket);
  EXPECT_TRUE(made.as_client);
  expect_client(peer_of(backend.accept()), as);
}

TEST_F(DialAsClient, ALowPortIsKeptByEveryKernel) {
  const TestListener backend;
  const SocketAddress as{test::ip("127.0.0.9"), 890};

  const Dial made = dial(backend.address(), as);

  ASSERT_TRUE(made.socket);
  EXPECT_EQ(peer_of(backend.accept()), as);
}

/// What is bound is lost to whoever lets the kernel choose.
TEST_F(DialAsClient, TakesNoPortAwayFromThisMachine) {
  const TestListener first;
  const TestListener second;
  std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40000";

  const Dial one = dial(first.address(), at("127.0.0.9:40000"));
  const Dial other = dial(second.address(), std::nullopt);

  EXPECT_TRUE(one.socket);
  EXPECT_TRUE(other.socket) << other.error;
}

TEST_F(DialAsClient, AClientsPortLeadsToManyBackends) {
  const TestListener first;
  const TestListener second;
  const SocketAddress as = client();
  const Dial one = dial(first.address(), as);

  const Dial other = dial(second.address(), as);

  ASSERT_TRUE(one.socket && other.socket);
  expect_client(peer_of(second.accept()), as);
}

TEST_F(DialAsClient, TowardsOneBackendTheSecondHasAnotherPort) {
  const TestListener backend;
  const SocketAddress as = client();
  const Dial one = dial(backend.address(), as);
  const UniqueFd first = backend.accept();

  const Dial other = dial(backend.address(), as);

  ASSERT_TRUE(one.socket && other.socket);
  EXPECT_TRUE(other.as_client);
  const SocketAddress seen = peer_of(backend.accept());
  EXPECT_EQ(seen.ip, as.ip);
  EXPECT_NE(seen.port, as.port);
}

TEST_F(DialAsClient, APortOnWhichSomebodyListensIsLeftToHim) {
  const TestListener backend;
  const TestListener host({IpAddress::any(IpFamily::IPv4), 0});

  const Dial made =
      dial(backend.address(), SocketAddress{test::ip("127.0.0.9"), host.address().port});

  ASSERT_TRUE(made.socket);
  EXPECT_TRUE(made.as_client);
  const SocketAddress seen = peer_of(backend.accept());
  EXPECT_EQ(seen.ip, test::ip("127.0.0.9"));
  EXPECT_NE(seen.port, host.address().port);
}

TEST_F(DialAsClient, WhatCanNotBeHadFallsBackToThisMachine) {
  const TestListener backend;

  // An address of the other family.
  const Dial made = dial(backend.address(), at("[fd00::9]:1"));

  ASSERT_TRUE(made.socket);
  EXPECT_FALSE(made.as_client);
  EXPECT_EQ(made.fallback, Failure::Other);
  EXPECT_EQ(peer_of(backend.accept()).ip, test::ip("127.0.0.1"));
}

/// The kernel would give answers of one backend to either of two sockets.
TEST_F(DialAsClient, OfUdpAClientsPortIsForOneSocket) {
  const SocketAddress as = client();
  const UniqueFd one(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

  EXPECT_FALSE(transparent::come_from(one.get(), Protocol::UDP, as, transparent::Port::Clients));
  const error_code second =
      transparent::come_from(other.get(), Protocol::UDP, as, transparent::Port::Clients);

  EXPECT_EQ(transparent::classify(second), Failure::AddressInUse);
  const UniqueFd third(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(transparent::come_from(third.get(), Protocol::UDP, as, transparent::Port::Any));
}

/// What `open` says in turn; how often it was asked is `asked`.
struct Script {
  std::vector<int> errors;  ///< 0: a socket
  int asked = 0;
  std::vector<bool> with_source{};

  [[nodiscard]] transparent::Opened<int> run(const std::optional<SocketAddress>& as) {
    return transparent::open_towards(
        Protocol::UDP, as, [this](const transparent::BindSource& bind) -> Result<int> {
          const int error = errors.at(static_cast<std::size_t>(asked++));
          with_source.push_back(static_cast<bool>(bind));
          if (error != 0) return error_code(error, boost::system::system_category());
          return asked;
        });
  }
};

TEST(OpenTowards, NoOtherSourceIsTriedForWhatIsNotItsFault) {
  for (const int error : {ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, EMFILE, ENOBUFS}) {
    Script script{{error}};

    const auto opened = script.run(at("10.244.1.9:40000"));

    ASSERT_FALSE(opened.socket);
    EXPECT_EQ(opened.socket.error().value(), error);
    EXPECT_FALSE(opened.as_client);
    EXPECT_EQ(opened.fallback, std::nullopt) << error;
    EXPECT_EQ(script.asked, 1);
  }
}

TEST(OpenTowards, AnotherPortOfTheClientsAndThenThisMachine) {
  Script second{{EADDRINUSE, 0}};
  const auto other_port = second.run(at("10.244.1.9:40000"));
  EXPECT_TRUE(other_port.as_client);
  EXPECT_EQ(other_port.fallback, std::nullopt);
  EXPECT_EQ(other_port.socket.value(), 2);

  Script third{{EADDRINUSE, EADDRNOTAVAIL, 0}};
  const auto ours = third.run(at("10.244.1.9:40000"));
  EXPECT_FALSE(ours.as_client);
  EXPECT_EQ(ours.fallback, Failure::NoPorts);
  EXPECT_EQ(ours.socket.value(), 3);
  EXPECT_EQ(third.with_source, (std::vector<bool>{true, true, false}));
}

TEST(OpenTowards, AnErrorOfTheBindingIsOfTheSourceWhateverItIs) {
  int asked = 0;
  const auto opened =
      transparent::open_towards(Protocol::UDP, at("10.244.1.9:40000"),
                                [&asked](const transparent::BindSource& bind) -> Result<int> {
                                  ++asked;
                                  if (!bind) return asked;
                                  return bind(-1);  // no socket: EBADF
                                });

  EXPECT_EQ(opened.socket.value(), 3);
  EXPECT_EQ(opened.fallback, Failure::Other);
}

TEST(OpenTowards, WithoutAClientThisMachineIsTheFirstChoice) {
  Script script{{0}};
  const auto opened = script.run(std::nullopt);

  EXPECT_EQ(opened.socket.value(), 1);
  EXPECT_FALSE(opened.as_client);
  EXPECT_EQ(script.with_source, (std::vector<bool>{false}));
}

TEST(TransparentFailure, NamesWhatTheKernelSays) {
  const auto of = [](int number) {
    return transparent::classify({number, boost::system::system_category()});
  };
  EXPECT_EQ(of(EADDRINUSE), Failure::AddressInUse);
  EXPECT_EQ(of(EADDRNOTAVAIL), Failure::NoPorts);
  EXPECT_EQ(of(EPERM), Failure::NotPermitted);
  EXPECT_EQ(of(EACCES), Failure::NotPermitted);
  EXPECT_EQ(of(ENOPROTOOPT), Failure::Other);
  EXPECT_TRUE(transparent::is_of_source(EADDRNOTAVAIL));
  EXPECT_FALSE(transparent::is_of_source(ECONNREFUSED));
}

}  // namespace
}  // namespace wherry::tcp
