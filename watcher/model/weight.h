#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wherry::model {

/// A Pod's annotation: its share of connections against that of the Service's other pods.
inline constexpr std::string_view kWeightAnnotation = "wherry.io/weight";

using Weight = std::uint16_t;
/// Of a pod that names none, and of an endpoint that is known from a slice alone.
inline constexpr Weight kDefaultWeight = 100;
inline constexpr Weight kMostWeight = 1'000;

/// "1" to "1000"; spaces around it do not matter.
[[nodiscard]] std::optional<Weight> parse_weight(std::string_view text) noexcept;

}  // namespace wherry::model
