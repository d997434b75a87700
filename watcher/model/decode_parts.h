#pragma once

#include "base/document/field_reader.h"
#include "base/ip_address.h"
#include "base/socket_address.h"
#include "watcher/model/object_meta.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

/// What the decoders share. Private to this folder.
namespace wherry::model {

using document::FieldReader;

/// Of the annotations those under wherry.io/ are kept, and the ones that are `also_read`.
[[nodiscard]] ObjectMeta decode_meta(const FieldReader& object,
                                     std::initializer_list<std::string_view> also_read = {});

/// Forgets the labels that nobody reads: a cluster's Services and slices have many.
void keep_labels(ObjectMeta& meta, std::initializer_list<std::string_view> read);

/// Whether there is more than null or "".
[[nodiscard]] bool is_filled(const FieldReader& field);

/// An IP address as a string; a fault names what is no address.
[[nodiscard]] std::optional<IpAddress> decode_ip(const FieldReader& field);

/// The same, and a fault for an address that no machine can have as its own.
[[nodiscard]] std::optional<IpAddress> decode_machine_ip(const FieldReader& field);

/// A port number of at least `least`; nothing where it is absent.
[[nodiscard]] std::optional<std::uint16_t> decode_port(const FieldReader& field, int least = 1);

/// TCP where it is absent.
[[nodiscard]] Protocol decode_protocol(const FieldReader& field);

/// One of a closed list of words; the first where it is absent.
template <class T, std::size_t N>
T decode_word(const FieldReader& field,
              const std::array<std::pair<std::string_view, T>, N>& words) {
  const auto text = field.as_string();
  if (!text || text->empty()) return words[0].second;
  std::string known;
  for (const auto& [word, value] : words) {
    if (word == *text) return value;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  field.fault('"' + *text + "\" is not one of " + known);
  return words[0].second;
}

}  // namespace wherry::model
