#include "balancer/annotations.h"

#include "base/quoted.h"
#include "base/utf8.h"

#include <algorithm>
#include <array>

namespace wherry::balancer {
namespace {

using model::Service;

/// Of a word that a warning quotes.
constexpr std::size_t kLongestWord = 64;
/// One of each family is what makes sense.
constexpr std::size_t kMostListenAddresses = 8;
constexpr Duration kLongestSlowStart = std::chrono::hours(1);
constexpr Duration kLongestUdpIdleTimeout = std::chrono::hours(24);

std::string_view trimmed(std::string_view word) {
  while (word.starts_with(' ')) word.remove_prefix(1);
  while (word.ends_with(' ')) word.remove_suffix(1);
  return word;
}

/// One annotation while it is read.
struct Reading {
  std::string_view name;
  std::string_view value;  ///< without spaces around it; not empty
  const Service& service;
  Annotations& into;

  void warn(const std::string& text) const {
    into.warnings.push_back("Service " + service.meta.key.to_string() + ": annotation " +
                            std::string(name) + ": " + text);
  }
  /// `expected` is what should stand there instead.
  void warn_of_value(std::string_view word, const std::string& expected) const {
    warn(quoted(utf8_prefix(word, kLongestWord)) + ' ' + expected);
  }
};

void read_scheduler(const Reading& reading) {
  if (const auto algorithm = algorithm_of_scheduler(reading.value)) {
    reading.into.options.algorithm = *algorithm;
  } else {
    reading.warn_of_value(
        reading.value,
        "is no scheduler that wherry knows; write rr, wrr, lc, wlc, sh or mh, or use " +
            std::string(kBalanceAnnotation));
  }
}

/// Read after the scheduler, so that it wins.
void read_balance(const Reading& reading) {
  if (const auto algorithm = parse_algorithm(reading.value)) {
    reading.into.options.algorithm = *algorithm;
  } else {
    reading.warn_of_value(reading.value,
                          "is no algorithm; write round-robin, random, least-connections, ewma or "
                          "maglev");
  }
}

std::optional<Duration> read_duration(const Reading& reading, Duration longest,
                                      const std::string& example) {
  const auto duration = parse_duration(reading.value);
  if (duration && *duration <= longest) return duration;
  reading.warn_of_value(reading.value, "is no duration up to " + format_duration(longest) +
                                           "; write one such as " + example);
  return std::nullopt;
}

void read_slow_start(const Reading& reading) {
  const auto duration = read_duration(reading, kLongestSlowStart, "30s, or 0 for none");
  if (!duration) return;
  if (*duration > Duration::zero() && *duration < std::chrono::seconds(1)) {
    reading.warn_of_value(reading.value, "is less than 1s; write one such as 30s, or 0 for none");
    return;
  }
  reading.into.options.slow_start = *duration;
}

void read_listen_address(const Reading& reading) {
  std::string_view rest = reading.value;
  for (std::size_t words = 0; !rest.empty(); ++words) {
    if (words == kMostListenAddresses) {
      reading.warn("only the first " + std::to_string(kMostListenAddresses) +
                   " of its addresses are read; write one of each family");
      return;
    }
    const std::size_t comma = rest.find(',');
    const std::string_view word = trimmed(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto address = IpAddress::parse(word);
    if (address && !address->is_multicast()) {
      reading.into.listen_addresses.push_back(*address);
      continue;
    }
    reading.warn_of_value(word,
                          "is no address to listen on; write one such as 127.0.0.5, or one of each "
                          "family with a comma between");
  }
}

void read_port_range(const Reading& reading) {
  reading.into.port_range = PortRange::parse(reading.value);
  if (!reading.into.port_range) {
    return reading.warn_of_value(reading.value,
                                 "is no range of ports; write one such as 30000-30100");
  }
  const PortRange& range = *reading.into.port_range;
  const auto& ports = reading.service.ports;
  const bool is_anchored = std::any_of(ports.begin(), ports.end(), [&range](const auto& port) {
    return range.contains(port.port) || range.contains(port.node_port);
  });
  if (!is_anchored) {
    reading.warn_of_value(reading.value,
                          "has no effect: no port of the Service is in it; give the Service a port "
                          "or a nodePort of these, to which the others lead");
  }
}

void read_udp_idle_timeout(const Reading& reading) {
  const auto duration = read_duration(reading, kLongestUdpIdleTimeout, "30s");
  if (!duration) return;
  if (*duration < std::chrono::seconds(1)) {
    return reading.warn_of_value(reading.value, "is less than 1s; write one such as 30s");
  }
  reading.into.options.udp_idle_timeout = *duration;
}

void read_udp_per_datagram(const Reading& reading) {
  if (reading.value == "true") {
    reading.into.options.udp_per_datagram = true;
  } else if (reading.value != "false") {
    reading.warn_of_value(reading.value, "is neither; write \"true\" or \"false\"");
  }
}

void read_proxy_protocol(const Reading& reading) {
  if (reading.value == "v1" || reading.value == "v2") {
    reading.into.options.proxy_protocol =
        reading.value == "v1" ? ProxyProtocol::V1 : ProxyProtocol::V2;
    const auto& ports = reading.service.ports;
    const bool has_udp = std::any_of(ports.begin(), ports.end(), [](const auto& port) {
      return port.protocol == Protocol::UDP;
    });
    if (reading.value == "v1" && has_udp) {
      reading.warn_of_value(reading.value,
                            "has no word for UDP, whose backends are told nothing; write v2");
    }
  } else {
    reading.warn_of_value(reading.value, "is no version; write v1 or v2");
  }
}

struct Reader {
  std::string_view name;
  void (*read)(const Reading&);
};

/// All of them, in the order in which they are read.
constexpr std::array<Reader, 8> kReaders = {{{kSchedulerAnnotation, read_scheduler},
                                             {kBalanceAnnotation, read_balance},
                                             {kSlowStartAnnotation, read_slow_start},
                                             {kListenAddressAnnotation, read_listen_address},
                                             {kPortRangeAnnotation, read_port_range},
                                             {kUdpIdleTimeoutAnnotation, read_udp_idle_timeout},
                                             {kUdpPerDatagramAnnotation, read_udp_per_datagram},
                                             {kProxyProtocolAnnotation, read_proxy_protocol}}};

}  // namespace

Annotations read_annotations(const Service& service, Algorithm default_algorithm) {
  Annotations annotations;
  annotations.options.algorithm = default_algorithm;
  for (const Reader& reader : kReaders) {
    const std::string* text = model::find(service.meta.annotations, reader.name);
    if (text == nullptr) continue;
    const std::string_view value = trimmed(*text);
    if (value.empty()) continue;  // as good as absent
    reader.read({reader.name, value, service, annotations});
  }
  return annotations;
}

}  // namespace wherry::balancer
