#pragma once

#include "proxy/admin/admin_view.h"

#include <string>
#include <string_view>
#include <vector>

/// The pages of a component of Kubernetes for whoever debugs it (H4): the forms are those of
/// k8s.io/apiserver/pkg/server/{flagz,statusz} and component-base/configz, 1.36. Pure.
namespace wherry::admin {

/// The settings in force as a line each. No form is promised; programs take the JSON.
[[nodiscard]] std::string flagz_text(const ProcessFacts& facts);
/// config.k8s.io/v1beta1 Flagz.
[[nodiscard]] std::string flagz_json(const ProcessFacts& facts);

[[nodiscard]] std::string statusz_text(const ProcessFacts& facts,
                                       const std::vector<std::string_view>& paths);
/// config.k8s.io/v1beta1 Statusz.
[[nodiscard]] std::string statusz_json(const ProcessFacts& facts,
                                       const std::vector<std::string_view>& paths);

/// Configurations by group, each with apiVersion and kind.
[[nodiscard]] std::string configz_json(const ProcessFacts& facts);

/// Whether a client asks for the JSON of one of these kinds ("Flagz"): a media range of its Accept
/// header is application/json;g=config.k8s.io;as=KIND, with v=v1beta1 or v1alpha1 or none.
[[nodiscard]] bool asks_for_json(std::string_view accept, std::string_view kind);

/// The component SLIs of /metrics/slis: one health check that succeeds whenever it is asked.
[[nodiscard]] MetricFamilies sli_metrics(std::uint64_t checks);

}  // namespace wherry::admin
