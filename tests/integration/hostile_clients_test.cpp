// Clients that mean no good, of the admin port and of service ports.

#include "base/open_files.h"
#include "tests/integration/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <sys/socket.h>
#include <vector>

namespace wherry::test {
namespace {

struct Request {
  const char* name;
  std::string bytes;
  const char* status;  ///< "" where closing is answer enough
};
void PrintTo(const Request& each, std::ostream* out) { *out << each.name; }

class HostileAdminRequest : public testing::TestWithParam<Request> {};

TEST_P(HostileAdminRequest, GetsItsAnswerAndDisturbsNobody) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  WherryProcess& wherry = rig.run();
  const UniqueFd client = connect_to(wherry.admin());
  send_all(client.get(), GetParam().bytes);
  if (GetParam().status[0] != '\0') {
    EXPECT_EQ(receive(client.get(), 12), std::string("HTTP/1.1 ") + GetParam().status);
  }
  EXPECT_EQ(wherry.status_of("/readyz"), 200);
  EXPECT_EQ(ask(rig.service), "pod-1");
}

INSTANTIATE_TEST_SUITE_P(
    Admin, HostileAdminRequest,
    testing::Values(
        Request{"NoHttp", "\x16\x03\x01\x02\x00\x01\r\n\r\n", "400"},
        Request{"NoVersion", "GET /readyz\r\n\r\n", "400"},
        Request{"EndlessHeader", "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'), "431"},
        Request{"EndlessTarget", "GET /" + std::string(100'000, 'x'), "431"},
        Request{"HugeBodyAnnounced",
                "POST /table HTTP/1.1\r\nHost: x\r\nContent-Length: "
                "99999999999\r\n\r\n",
                "413"},
        Request{"PostInsteadOfGet", "POST /table HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "405"},
        Request{"PathThatClimbs", "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
        Request{"NullByte", std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 29), "400"},
        Request{"HalfARequest", "GET /readyz HT", ""}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(HostileAdminClients, ManyThatSayNothingLeaveServicesAlone) {
  Rig rig;
  rig.add_pod("pod-1");
  rig.write_service();
  rig.run();
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(connect_to(rig.wherry().admin()));
  EXPECT_EQ(rig.answers(10).at("pod-1"), 10);
  silent.clear();
  EXPECT_TRUE(eventually([&] { return rig.wherry().status_of("/livez") == 200; }));
}

class HostileClients : public testing::Test {
 protected:
  void SetUp() override {
    rig_.write_pod("pod", pod_.address());
    rig_.write_service();
    rig_.run({"--workers", "1"});
  }
  void expect_service() {
    while (pod_.has_client(std::chrono::milliseconds(50))) pod_.accept().reset();
    const UniqueFd client = connect_to(rig_.service);
    const UniqueFd server = pod_.accept();
    send_all(client.get(), "hello");
    EXPECT_EQ(receive(server.get(), 5), "hello");
  }

  TestListener pod_{SocketAddress{loopback_address(2), 0}};
  Rig rig_;
};

TEST_F(HostileClients, OneThatResetsAtOnceDisturbsNobody) {
  for (int i = 0; i < 100; ++i) {
    UniqueFd client = connect_to(rig_.service);
    reset(client);
  }
  expect_service();
  EXPECT_TRUE(eventually([&] { return rig_.wherry().metric("wherry_tcp_sessions_active") <= 1; }));
}

TEST_F(HostileClients, OneThatNeverReadsHoldsABoundedAmountOfMemory) {
  const UniqueFd client = connect_to(rig_.service);
  const UniqueFd server = pod_.accept();
  const std::uint64_t before = rig_.wherry().resident_kib();
  const std::string block(1u << 20, 'x');
  std::size_t sent = 0;
  // As much as goes in without waiting: what the kernel's buffers and wherry hold.
  for (int i = 0; i < 64; ++i) {
    const ssize_t n = ::send(server.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<std::size_t>(n);
    if (n < 0) (void)eventually([] { return false; }, std::chrono::milliseconds(5));
  }
  EXPECT_LT(sent, 60u << 20) << "there is no back-pressure";
  EXPECT_LT(rig_.wherry().resident_kib(), before + 8192);
  EXPECT_EQ(receive(client.get(), sent).size(), sent);
}

TEST_F(HostileClients, AThousandThatSayNothingLeaveRoomForOthers) {
  if (raise_open_file_limit() < 4096) {
    GTEST_SKIP() << "needs a limit on open files of 4,096 (ulimit -Hn)";
  }
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.push_back(connect_to(rig_.service));
    if (i % 50 == 49) {
      while (pod_.has_client(std::chrono::milliseconds(1))) silent.push_back(pod_.accept());
    }
  }
  expect_service();
}

}  // namespace
}  // namespace wherry::test
