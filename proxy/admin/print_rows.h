#pragma once

#include <boost/json/array.hpp>

#include <cstdint>
#include <string>

/// What `wherry get` prints, out of the rows that pages.h makes: the same whether they came from a
/// running process or from manifests. Pure.
namespace wherry::admin {

enum class RowKind : std::uint8_t { Services, Endpoints, Sessions };
enum class RowFormat : std::uint8_t { Table, Wide, Json, Yaml, Hosts };

struct RowFilter {
  std::string name;        ///< of the Service; empty: all
  std::string name_space;  ///< empty: all
};

[[nodiscard]] boost::json::array filter_rows(const boost::json::array& rows, RowKind kind,
                                             const RowFilter& filter);

/// Hosts is for services: a line for each Service and address, with the names that cluster DNS
/// would know.
[[nodiscard]] std::string print_rows(const boost::json::array& rows, RowKind kind,
                                     RowFormat format);

}  // namespace wherry::admin
