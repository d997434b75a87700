#include "base/fault.h"

#include "tests/base/case_name.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

struct Case {
  const char* name;
  Fault fault;
  std::string_view text;
};
std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.text; }

class FaultText : public ::testing::TestWithParam<Case> {};

TEST_P(FaultText, LeavesOutWhatIsUnknown) {
  EXPECT_EQ(GetParam().fault.to_string(), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FaultText,
    ::testing::Values(Case{"Whole",
                           {{"a.yaml", 3, 7}, "spec.ports", "is missing"},
                           "a.yaml:3:7: spec.ports: is missing"},
                      Case{"NoColumn", {{"a.yaml", 3, 0}, "spec", "x"}, "a.yaml:3: spec: x"},
                      Case{"ColumnWithoutLine", {{"a.yaml", 0, 7}, "spec", "x"}, "a.yaml: spec: x"},
                      Case{"FileOnly", {{"--workers"}, "", "x"}, "--workers: x"},
                      Case{"FieldOnly", {{}, "spec", "x"}, "spec: x"},
                      Case{"TextOnly", {{}, "", "x"}, "x"}, Case{"Nothing", {}, ""}),
    test::CaseName{});

}  // namespace
}  // namespace wherry
