#pragma once

#include "base/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace wherry::model {

/// RFC 3339 as Kubernetes writes it: "2026-11-23T10:00:00Z", with fractions, with an offset.
[[nodiscard]] std::optional<WallTime> parse_timestamp(std::string_view text) noexcept;

/// "2026-11-23T10:00:00Z"; fractions of a second are cut off.
[[nodiscard]] std::string format_timestamp(WallTime time);

/// The same with as many digits of a second as say something: "2026-11-23T10:00:00.5Z", the form
/// in which Go writes times into JSON (RFC3339Nano).
[[nodiscard]] std::string format_timestamp_nanos(WallTime time);

/// "2026-11-23T10:00:00.000000Z", as Kubernetes writes a MicroTime.
[[nodiscard]] std::string format_micro_time(WallTime time);

}  // namespace wherry::model
