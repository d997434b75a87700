#pragma once

#include "base/document/field_path.h"
#include "base/fault.h"
#include "config/compose.h"

#include <boost/json/fwd.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// kube-proxy's own configuration, by file and by flag: what it says, what becomes of it here, and
/// how it is written (C1-C6).
namespace wherry::config {

/// What was said of one field.
struct KubeProxyValue {
  std::vector<std::string> texts;
  Place place;
  std::string field;  ///< its path; empty where a flag said it

  /// Where something was said does not matter.
  friend bool operator==(const KubeProxyValue& a, const KubeProxyValue& b) {
    return a.texts == b.texts;
  }
};

/// By the field's path, or the flag's name where it stands for no field. What is not set, or set to
/// its type's zero and thereby not set, is not in it.
using KubeProxyConfiguration = std::map<std::string, KubeProxyValue, std::less<>>;

/// Whether a document says that it is kube-proxy's, by apiVersion or kind.
[[nodiscard]] bool is_kube_proxy_configuration(const boost::json::value& document);

/// Where a path of the document stands.
using PlaceOf = std::function<Place(const document::FieldPath&)>;

/// What a document says. Wrong types, values out of bounds and another version are faults; unknown
/// fields are warnings that name the nearest one, as kube-proxy reads strictly first and leniently
/// then (C1).
[[nodiscard]] KubeProxyConfiguration read_kube_proxy_configuration(
    const boost::json::value& document, const PlaceOf& place_of, Faults& faults, Faults& warnings);

/// Puts what a flag of kube-proxy's says over what was there.
void set_by_flag(KubeProxyConfiguration& configuration, std::string_view flag,
                 const std::vector<std::string>& texts, Faults& faults);

/// A configuration in wherry's own settings.
struct KubeProxyTranslation {
  std::vector<Given> given;
  Faults warnings;  ///< each value that has no effect here, and why
};

/// Where it was said: in a file the defaults of kube-proxy hold where wherry has others.
enum class KubeProxyOrigin { File, Flags };

/// `mode` is kube-proxy's mode where the configuration itself does not say it.
[[nodiscard]] KubeProxyTranslation translate(const KubeProxyConfiguration& configuration,
                                             KubeProxyOrigin origin,
                                             std::string_view mode = "iptables");

/// The whole configuration as YAML, with the defaults of kube-proxy 1.36 filled in, as its own
/// --write-config-to writes it (C6).
[[nodiscard]] std::string write_kube_proxy_configuration(
    const KubeProxyConfiguration& configuration);

/// The paths of what differs between two, in their order.
[[nodiscard]] std::vector<std::string> changed_fields(const KubeProxyConfiguration& before,
                                                      const KubeProxyConfiguration& after);

}  // namespace wherry::config
