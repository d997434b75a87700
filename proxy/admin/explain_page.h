#pragma once

#include "balancer/explain.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <variant>

/// What `wherry explain` asks, and what is answered. Pure.
namespace wherry::admin {

/// The target of a GET that asks this of a running wherry.
[[nodiscard]] std::string explain_target(const balancer::Question& question);
/// The question in a query ("client=node&destination=10.0.0.1:80"), or what is wrong with it.
[[nodiscard]] std::variant<balancer::Question, std::string> parse_question(std::string_view query);

/// The format is documented in deploy/operations.md, and tools read it.
[[nodiscard]] boost::json::object explanation_json(const balancer::Explanation& explanation);
/// The same for a person.
[[nodiscard]] std::string print_explanation(const boost::json::object& explanation);

}  // namespace wherry::admin
