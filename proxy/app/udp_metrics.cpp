#include "proxy/app/udp_metrics.h"

#include "proxy/udp/reason.h"

#include <string>
#include <utility>

namespace wherry::app {
namespace {

using udp::Counters;

MetricFamily in_and_out(const char* name, const char* help, std::uint64_t in, std::uint64_t out) {
  return {name,
          help,
          MetricKind::Counter,
          {{{{"direction", "in"}}, static_cast<double>(in)},
           {{{"direction", "out"}}, static_cast<double>(out)}}};
}

MetricFamily drops(const WorkerPool& workers) {
  MetricFamily family{"wherry_udp_drops_total",
                      "Datagrams that were not passed on, by reason.",
                      MetricKind::Counter,
                      {}};
  for (std::size_t i = 0; i < udp::kDrops; ++i) {
    const auto drop = static_cast<udp::Drop>(i);
    const auto count = workers.sum_udp(
        [drop](const Counters& counters) { return counters.dropped[drop].value(); });
    family.samples.push_back(
        {{{"reason", std::string(to_string(drop))}}, static_cast<double>(count)});
  }
  return family;
}

MetricFamily ends(const WorkerPool& workers) {
  MetricFamily family{
      "wherry_udp_flows_ended_total", "UDP flows that ended, by reason.", MetricKind::Counter, {}};
  for (std::size_t i = 0; i < udp::kFlowEnds; ++i) {
    const auto end = static_cast<udp::FlowEnd>(i);
    const auto count =
        workers.sum_udp([end](const Counters& counters) { return counters.ended[end].value(); });
    family.samples.push_back(
        {{{"reason", std::string(to_string(end))}}, static_cast<double>(count)});
  }
  return family;
}

}  // namespace

void collect_udp_metrics(const WorkerPool& workers, MetricFamilies& into) {
  const auto sum = [&workers](Counter Counters::* member) {
    return workers.sum_udp(
        [member](const Counters& counters) { return (counters.*member).value(); });
  };
  into.push_back(single_metric("wherry_udp_flows_active", "UDP flows that there are now.",
                               MetricKind::Gauge, static_cast<double>(workers.flows())));
  into.push_back(single_metric("wherry_udp_flows_limit",
                               "UDP flows that there may be at once; more push out the oldest.",
                               MetricKind::Gauge, static_cast<double>(workers.max_flows())));
  into.push_back(single_metric("wherry_udp_flows_total", "UDP flows that were begun.",
                               MetricKind::Counter,
                               static_cast<double>(sum(&Counters::flows_total))));
  into.push_back(ends(workers));
  into.push_back(in_and_out("wherry_udp_datagrams_total",
                            "Datagrams carried: in from clients to backends, out from backends to "
                            "clients.",
                            sum(&Counters::datagrams_in), sum(&Counters::datagrams_out)));
  into.push_back(in_and_out("wherry_udp_bytes_total",
                            "Bytes of payload carried: in from clients to backends, out from "
                            "backends to clients.",
                            sum(&Counters::bytes_in), sum(&Counters::bytes_out)));
  into.push_back(drops(workers));
  into.push_back(single_metric("wherry_udp_repicks_total",
                               "UDP flows that got another backend while they went on.",
                               MetricKind::Counter, static_cast<double>(sum(&Counters::repicks))));
  into.push_back(single_metric("wherry_udp_unreachables_total",
                               "Clients that were told by ICMP that nobody takes their datagrams.",
                               MetricKind::Counter,
                               static_cast<double>(sum(&Counters::unreachables))));
}

}  // namespace wherry::app
