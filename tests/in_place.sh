#!/usr/bin/env bash
# Runs a command without address space randomisation, where that is allowed: the sanitizers of GCC 12
# fail at random where the kernel randomises more bits than they know (vm.mmap_rnd_bits = 32).
#
#   tests/in_place.sh COMMAND...
set -euo pipefail
if setarch "$(uname -m)" --addr-no-randomize true 2>/dev/null; then
  exec setarch "$(uname -m)" --addr-no-randomize "$@"
fi
exec "$@"
