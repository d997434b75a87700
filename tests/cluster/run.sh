#!/usr/bin/env bash
# Tests wherry against a real etcd, kube-apiserver and kube-controller-manager.
#
#   tests/cluster/run.sh               every suite
#   tests/cluster/run.sh following     one of them: following, outages, restarts, silence,
#                                      service_types, configurations
#   tests/cluster/run.sh measure       figures for 10,000 Services instead of tests; needs a release build
#   tests/cluster/run.sh programs      builds the control plane where it is missing, and says where it is
#
# KUBEBUILDER_ASSETS names a folder with the programs; where one is missing there, they are built
# from the modules in go.mod, once, and kept under the cache folder. WHERRY_BINARY is the wherry to
# test (build/dev's otherwise, which is built here).
#
# Everything runs in network namespaces of its own. Needs root. Where that or Go is missing the
# suites are skipped, which fails with WHERRY_CI=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

. tests/support/go_programs.sh
. tests/support/control_plane.sh

[ "$(id -u)" -eq 0 ] || skip tests/cluster "only root may make network namespaces"
deploy/install-deps.sh cluster
unshare --net true 2>/dev/null || skip tests/cluster "this machine lets nobody make network namespaces"

# --- the programs of the control plane

binaries=$(control_plane_folder)
building=
if ! has_control_plane "$binaries"; then
  can_build_go tests/cluster tests/cluster
  build_control_plane "$binaries" &  # fetching and linking leave a core to wherry's build
  building=$!
fi
export WHERRY_CLUSTER_BINARIES=$binaries
what=${1:-all}
if [ "$what" = programs ]; then
  [ -z "$building" ] || wait "$building"
  echo "$binaries"
  exit
fi

# --- wherry

preset=dev
[ "$what" != measure ] || preset=release
if [ -z "${WHERRY_BINARY:-}" ]; then
  deploy/install-deps.sh
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" -t wherry -- --quiet
  WHERRY_BINARY=$root/build/$preset/proxy/wherry
fi
export WHERRY_BINARY
[ -z "$building" ] || wait "$building"

# --- the suites, side by side: most of their time they wait

logs=$(mktemp -d)
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$logs"' EXIT

in_namespace() {
  unshare --net timeout --kill-after=10 "${WHERRY_CLUSTER_TIMEOUT:-600}" \
    setpriv --pdeathsig TERM python3 -B -W ignore "tests/cluster/$1"
}

case $what in
  measure) in_namespace measure.py; exit ;;
  all) suites=(outages following restarts silence service_types configurations) ;;
  following | outages | restarts | silence | service_types | configurations) suites=("$what") ;;
  *) sed -n 2,16p "$0" >&2; exit 64 ;;
esac
for suite in "${suites[@]}"; do
  in_namespace "test_$suite.py" >"$logs/$suite" 2>&1 &
  running+=($!)
done
passed=0 failed=0
for i in "${!suites[@]}"; do
  suite=${suites[$i]}
  status=0
  wait "${running[$i]}" || status=$?
  echo "--- $suite"
  cat "$logs/$suite"
  count=$(sed -n 's/^Ran \([0-9]*\) tests\? in.*/\1/p' "$logs/$suite")
  wrong=$(sed -n 's/^FAILED (\(.*\))/\1/p' "$logs/$suite" | tr -cd '0-9,' | tr ',' '+')
  if [ "$status" -eq 0 ]; then
    passed=$((passed + ${count:-0}))
  else
    bad=$((${wrong:-1}))
    failed=$((failed + bad))
    passed=$((passed + (${count:-0} > bad ? ${count:-0} - bad : 0)))
  fi
done
running=()
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
