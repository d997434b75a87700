#include "proxy/steer/node_record.h"

#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>

namespace wherry::steer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr NetworkNamespace kNode{4026531840, 0xfedcba9876543210};
constexpr std::string_view kFile = "netns-4026531840.json";

NodeRecord full_record() {
  NodeRecord record;
  record.owner = {4711, "2026-01-02T03:04:05Z"};
  record.route_protocols = {87};
  record.mark_rules = {{.mark = 0x80000000, .mask = 0x80000000, .table = 87, .priority = 80}};
  record.arp = {{2, "eth0", {0, 1}, {3, 2}}};
  record.links = {{2, "eth0", "tc ingress 87"}};
  record.sysctls = {{"net.ipv4.conf.all.src_valid_mark", "0", "1"}};
  record.pins = {"/sys/fs/bpf/wherry/4026531840/links"};
  return record;
}

std::variant<std::optional<NodeRecord>, std::string> read(const test::TempFolder& folder) {
  return read_node_record(folder.path(), kNode);
}

TEST(NodeRecord, ComesBackAsItWasWritten) {
  const test::TempFolder folder;

  ASSERT_FALSE(write_node_record(folder.path(), kNode, full_record()));

  EXPECT_EQ(std::get<0>(read(folder)), full_record());
}

TEST(NodeRecord, IsNoneWhereNothingWasLeft) {
  const test::TempFolder folder;

  EXPECT_EQ(std::get<0>(read(folder)), std::nullopt);
}

TEST(NodeRecord, LeavesNoFileOnceNothingIsOwned) {
  const test::TempFolder folder;
  ASSERT_FALSE(write_node_record(folder.path(), kNode, full_record()));
  NodeRecord empty;
  empty.owner = {4711, "now"};

  ASSERT_FALSE(write_node_record(folder.path(), kNode, empty));
  ASSERT_FALSE(write_node_record(folder.path(), kNode, empty));

  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NodeRecord, OfAnEarlierNamespaceWithTheSameInodeGivesItsPinsOnly) {
  const test::TempFolder folder;
  ASSERT_FALSE(write_node_record(folder.path(), {kNode.inode, 7}, full_record()));

  const auto found = read(folder);

  NodeRecord pins;
  pins.owner = full_record().owner;
  pins.pins = full_record().pins;
  EXPECT_EQ(std::get<0>(found), pins);
}

TEST(NodeRecord, WhoseWritingFailsStaysAsItWas) {
  const test::TempFolder folder;
  ASSERT_FALSE(write_node_record(folder.path(), kNode, full_record()));
  // Where the new file would be, a folder is in the way.
  std::filesystem::create_directories(folder / (std::string(kFile) + ".new/x"));

  EXPECT_TRUE(write_node_record(folder.path(), kNode, NodeRecord{.route_protocols = {1}}));

  EXPECT_EQ(std::get<0>(read(folder)), full_record());
}

TEST(NodeRecord, ThatIsDamagedNamesTheFileAndTheField) {
  struct {
    const char* text;
    const char* why;
  } const rows[] = {
      {"", "is empty"},
      {"{", "is damaged"},
      {"[]", "is none"},
      {R"({"format":"wherry last good state","version":1})", "is none"},
      {R"({"format":"wherry node record","version":2})", "another version"},
      {R"({"format":"wherry node record","version":1})", "namespace.inode"},
      {R"({"format":"wherry node record","version":1,"namespace":{"inode":"1","cookie":"2"},
           "routeProtocols":[256]})",
       "routeProtocols[0]"},
      {R"({"format":"wherry node record","version":1,"namespace":{"inode":"1","cookie":"2"},
           "markRules":[{"mark":-1,"mask":0,"table":0,"priority":0}]})",
       "markRules[0].mark"},
      {R"({"format":"wherry node record","version":1,"namespace":{"inode":"1x","cookie":"2"}})",
       "namespace.inode"},
      {R"({"format":"wherry node record","version":1,"namespace":{"inode":"1","cookie":"2"},
           "arp":[{"interface":"eth0","index":2,"before":{"arpIgnore":"0","arpAnnounce":0},
                   "set":{"arpIgnore":3,"arpAnnounce":2}}]})",
       "arp[0].before.arpIgnore"},
  };
  for (const auto& row : rows) {
    const test::TempFolder folder;
    folder.write(kFile, row.text);

    const auto found = read(folder);

    ASSERT_EQ(found.index(), 1u) << row.text;
    EXPECT_THAT(std::get<1>(found), HasSubstr(row.why));
    EXPECT_THAT(std::get<1>(found), HasSubstr(kFile));
  }
}

}  // namespace
}  // namespace wherry::steer
