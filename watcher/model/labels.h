#pragma once

#include <boost/container/flat_map.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace wherry::model {

/// Labels, annotations, selectors: few, small and looked up by key.
using Labels = boost::container::flat_map<std::string, std::string, std::less<>>;

/// The value under a key; nullptr where there is none.
[[nodiscard]] const std::string* find(const Labels& labels, std::string_view key);

/// Whether every pair of an equality selector is among the labels. An empty selector selects
/// nothing, as in a Service's spec.selector.
[[nodiscard]] bool selects(const Labels& selector, const Labels& labels);

}  // namespace wherry::model
