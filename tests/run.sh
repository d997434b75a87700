#!/usr/bin/env bash
# Builds with AddressSanitizer and UBSan and runs every test that needs no more than minutes.
#
#   tests/run.sh [ctest arguments...]       for example: tests/run.sh -R balancer
#
# Needs nothing prepared: it installs what is missing (as root) and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/install-deps.sh
cmake --preset dev >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
rm -f build-configure.log
cmake --build --preset dev -- --quiet
exec tests/in_place.sh ctest --preset dev "$@"
