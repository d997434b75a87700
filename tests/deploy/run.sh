#!/usr/bin/env bash
# Tests what installs wherry in a cluster: the Helm chart, the kustomizations, the image.
#
#   tests/deploy/run.sh                every suite
#   tests/deploy/run.sh rendering      one of them: rendering, cluster, image
#
# rendering compares what helm and kustomize make; cluster gives it to a real API server, and runs
# wherry with the rights that it brings; image runs the steps of the Dockerfile in a root made by
# debootstrap. WHERRY_BINARY is the wherry to test (build/dev's otherwise, which is built here).
#
# helm is built from the module in go.mod, once, and kept under the cache folder; the programs of the
# control plane are those of tests/cluster. Needs root and Go: where one is missing the suites are
# skipped, which fails with WHERRY_CI=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

. tests/support/go_programs.sh

case ${1:-all} in
  all) suites=(rendering cluster image) ;;
  rendering | cluster | image) suites=("$1") ;;
  *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac

[ "$(id -u)" -eq 0 ] || skip tests/deploy "only root may make network namespaces and roots"
deploy/install-deps.sh cluster deploy
unshare --net true 2>/dev/null || skip tests/deploy "this machine lets nobody make network namespaces"
go=$(find_go) || skip tests/deploy "there is no Go toolchain (1.26), which builds helm"

# --- the programs

if [[ " ${suites[*]} " =~ " rendering "|" cluster " ]]; then
  helm_folder=$(cache_folder helm tests/deploy/go.mod tests/deploy/go.sum)
  if [ ! -x "$helm_folder/helm" ]; then
    version=$(cd tests/deploy && GOTOOLCHAIN=local "$go" list -m -f '{{.Version}}' helm.sh/helm/v4) ||
      skip tests/deploy "this Go can't read tests/deploy/go.mod; it takes Go 1.26"
    echo "building helm ($version) once; this takes some minutes"
    build_go tests/deploy "$helm_folder" \
      -ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=$version" tool
  fi
  export WHERRY_HELM=$helm_folder/helm
  WHERRY_CLUSTER_BINARIES=$(tests/cluster/run.sh programs | tail -n 1)
  export WHERRY_CLUSTER_BINARIES
fi
if [[ " ${suites[*]} " == *" cluster "* ]] && [ -z "${WHERRY_BINARY:-}" ]; then
  deploy/install-deps.sh
  cmake --preset dev >/dev/null
  cmake --build --preset dev -t wherry -- --quiet
  WHERRY_BINARY=$root/build/dev/proxy/wherry
fi
export WHERRY_BINARY=${WHERRY_BINARY:-}

# --- the suites

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# run_suite NAME COMMAND...: counts what unittest, or a line "N passed, N failed", says.
run_suite() {
  local suite=$1 status=0 count wrong bad
  shift
  echo "--- $suite"
  "$@" 2>&1 | tee "$log" || status=$?
  if grep -q '^[0-9]* passed, [0-9]* failed$' "$log"; then
    count=$(sed -n 's/^\([0-9]*\) passed, .* failed$/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^.* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -n 1)
  else
    count=$(sed -n 's/^Ran \([0-9]*\) tests\? in.*/\1/p' "$log")
    wrong=$(sed -n 's/^FAILED (\(.*\))/\1/p' "$log" | tr -cd '0-9,' | tr ',' '+')
    bad=$((${wrong:-0}))
    count=$((${count:-0} > bad ? ${count:-0} - bad : 0))
  fi
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + count)) failed=$((failed + bad))
}

for suite in "${suites[@]}"; do
  case $suite in
    rendering) run_suite "$suite" python3 -B tests/deploy/test_rendering.py ;;
    cluster)
      run_suite "$suite" unshare --net timeout --kill-after=10 600 setpriv --pdeathsig TERM \
        python3 -B -W ignore tests/deploy/test_cluster.py
      ;;
    image) run_suite "$suite" tests/deploy/image.sh ;;
  esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
