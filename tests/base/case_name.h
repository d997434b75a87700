#pragma once

#include <gtest/gtest.h>

#include <string>

namespace wherry::test {

/// Names the tests of a table after their rows' `name`.
struct CaseName {
  template <class Case>
  std::string operator()(const ::testing::TestParamInfo<Case>& row) const {
    return row.param.name;
  }
};

}  // namespace wherry::test
