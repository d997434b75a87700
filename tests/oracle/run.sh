#!/usr/bin/env bash
# Compares wherry's decisions with those of kube-proxy's own code, over random histories.
#
#   tests/oracle/run.sh [CASES [SEED]]     100,000 of them, from a seed by chance that is printed
#
# The program in this folder is built from the modules in go.mod, once, and kept under the cache
# folder. WHERRY_MODEL names the wherry-model to use (build/release's otherwise, which is built
# here). Without Go the suite is skipped, which fails with WHERRY_CI=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/go_programs.sh

go=$(find_go) || skip tests/oracle "there is no Go toolchain (1.26)"
(cd tests/oracle && GOTOOLCHAIN=local "$go" list -m k8s.io/kubernetes >/dev/null 2>&1) ||
  skip tests/oracle "this Go can't read tests/oracle/go.mod; it takes Go 1.26"
program=$(cache_folder oracle tests/oracle/go.mod tests/oracle/go.sum tests/oracle/*.go)
if [ ! -x "$program/oracle" ]; then
  echo "building the oracle from kube-proxy's code once; this takes some minutes"
  build_go tests/oracle "$program" -ldflags="-s -w" .
fi

if [ -z "${WHERRY_MODEL:-}" ]; then
  deploy/install-deps.sh
  cmake --preset release >/dev/null
  cmake --build --preset release -t wherry-model -- --quiet
  WHERRY_MODEL=build/release/tests/balancer/model/wherry-model
fi

# Each job has an oracle of its own beside it.
export GOMAXPROCS=1
exec "$WHERRY_MODEL" --oracle "$program/oracle" --jobs "$(nproc)" --cases "${1:-100000}" \
  ${2:+--seed "$2"}
