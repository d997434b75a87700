#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The fields of kube-proxy's own configuration, kubeproxy.config.k8s.io/v1alpha1, and its flags,
/// as of Kubernetes 1.36. Private to this folder.
namespace wherry::config {

inline constexpr std::string_view kKubeProxyGroup = "kubeproxy.config.k8s.io";
inline constexpr std::string_view kKubeProxyApiVersion = "kubeproxy.config.k8s.io/v1alpha1";
inline constexpr std::string_view kKubeProxyKind = "KubeProxyConfiguration";

enum class KubeProxyType {
  Text,
  Boolean,
  Integer,
  Number,         ///< with a fraction
  Duration,       ///< as Go writes it
  FlushDuration,  ///< the same, or a number of nanoseconds
  Quantity,       ///< bytes as Kubernetes writes them, or a number
  TextList,       ///< on the command line with commas between
  Gates,          ///< names of features with true or false: "A=true"
  Modules,        ///< patterns of source files with a log level: "proxier=4"
};

/// What becomes of a field here.
enum class KubeProxyUse {
  Setting,  ///< it is one of wherry's settings under another name
  Special,  ///< a rule of its own makes a setting of it (kube_proxy_translation.cpp)
  Ignored,
};

/// One field, or (without a path) one flag that stands for none. Values are texts, as everywhere in
/// this folder; a TextList, Gates and Modules have any number of them, the others one.
struct KubeProxyField {
  std::string_view path = {};  ///< "iptables.syncPeriod"
  KubeProxyType type = KubeProxyType::Text;
  std::string_view fallback = {};  ///< what holds where it is not set; empty: the type's zero
  bool zero_is_a_value = false;    ///< a pointer in kube-proxy: 0 or false is not the same as unset
  long long least = 0;             ///< of integers
  long long most = 2147483647;
  std::string_view flag = {};  ///< kube-proxy's, without dashes; empty: there is none
  KubeProxyUse use = KubeProxyUse::Ignored;
  std::string_view setting = {};  ///< of Setting: the flag of ours
  std::string_view why = {};      ///< of Ignored: why it means nothing here
};

[[nodiscard]] std::span<const KubeProxyField> kube_proxy_fields();
/// nullptr where there is none.
[[nodiscard]] const KubeProxyField* find_kube_proxy_field(std::string_view path);
[[nodiscard]] const KubeProxyField* find_kube_proxy_flag(std::string_view flag);

/// Whether it is about the log: such flags count next to a file too (C1).
[[nodiscard]] bool is_about_the_log(const KubeProxyField& field);

/// The texts that a flag's value stands for, in the one way that each value is written; nothing,
/// with a fault's text in `wrong`, where it is no such value.
[[nodiscard]] std::optional<std::vector<std::string>> kube_proxy_texts(const KubeProxyField& field,
                                                                       const std::string& text,
                                                                       std::string& wrong);
/// The type's zero: what Go takes for "not set".
[[nodiscard]] bool is_zero(const KubeProxyField& field, std::span<const std::string> texts);

}  // namespace wherry::config
