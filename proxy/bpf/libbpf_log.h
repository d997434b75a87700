#pragma once

namespace wherry::bpf {

/// libbpf's own words go to our log, at debug. From the first call on, for the whole process.
void log_libbpf();

}  // namespace wherry::bpf
