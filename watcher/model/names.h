#pragma once

#include <string_view>

/// Kubernetes' rules for names (apimachinery/pkg/util/validation).
namespace wherry::model {

/// At most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit.
[[nodiscard]] bool is_dns_label(std::string_view text) noexcept;
/// DNS labels joined by dots, at most 253 characters.
[[nodiscard]] bool is_dns_subdomain(std::string_view text) noexcept;
/// A container port's name (IANA_SVC_NAME): at most 15 characters of a DNS label, at least one
/// letter, no two dashes in a row.
[[nodiscard]] bool is_port_name(std::string_view text) noexcept;

}  // namespace wherry::model
