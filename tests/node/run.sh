#!/usr/bin/env bash
# Tests wherry on two nodes in network namespaces, with pods, a client outside and a neighbour.
#
#   tests/node/run.sh                  every suite
#   tests/node/run.sh combinations     one of them; see README.md
#   tests/node/run.sh kubeproxy        kube-proxy beside wherry: what each answers, and how fast
#
# WHERRY_BINARY is the wherry to test, WHERRY_NODE_PEER what the hosts run, and WHERRY_STEER_BENCH the
# benchmark that `scale` runs; build/release's are built otherwise (WHERRY_PRESET names another preset).
#
# Everything runs in namespaces of its own. Needs root. Where that can't be had the suites are
# skipped, which fails with WHERRY_CI=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

. tests/support/go_programs.sh
. tests/support/control_plane.sh

what=${1:-all}
[ "$what" = all ] || [ -f "tests/node/test_$what.py" ] || { sed -n 2,12p "$0" >&2; exit 64; }

[ "$(id -u)" -eq 0 ] || skip tests/node "only root may make network namespaces"
deploy/install-deps.sh node
unshare --net true 2>/dev/null || skip tests/node "this machine lets nobody make network namespaces"

# --- for kube-proxy beside wherry: kube-proxy, and a control plane for both

building=()
build_kube_proxy() {
  local version
  version=$(kubernetes_version tests/node/kubeproxy)
  echo "building kube-proxy ($version) once; this takes some minutes"
  build_go tests/node/kubeproxy "$1" -ldflags="$(version_flags "$version")" tool
}
if [ "$what" = all ] || [ "$what" = kubeproxy ]; then
  deploy/install-deps.sh cluster
  export WHERRY_CLUSTER_BINARIES WHERRY_KUBE_PROXY
  WHERRY_CLUSTER_BINARIES=$(control_plane_folder)
  WHERRY_KUBE_PROXY=$(cache_folder kube-proxy tests/node/kubeproxy/go.mod tests/node/kubeproxy/go.sum)/kube-proxy
  if ! has_control_plane "$WHERRY_CLUSTER_BINARIES"; then
    can_build_go tests/node tests/cluster
    build_control_plane "$WHERRY_CLUSTER_BINARIES" &
    building+=($!)
  fi
  if [ ! -x "$WHERRY_KUBE_PROXY" ]; then
    can_build_go tests/node tests/node/kubeproxy
    build_kube_proxy "${WHERRY_KUBE_PROXY%/*}" &
    building+=($!)
  fi
fi

# --- wherry

preset=${WHERRY_PRESET:-release}
if [ -z "${WHERRY_BINARY:-}" ] || [ -z "${WHERRY_NODE_PEER:-}" ]; then
  deploy/install-deps.sh
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" -t wherry wherry-node-peer -- --quiet
  : "${WHERRY_BINARY:=$root/build/$preset/proxy/wherry}"
  : "${WHERRY_NODE_PEER:=$root/build/$preset/tests/node/wherry-node-peer}"
fi
if [ -z "${WHERRY_STEER_BENCH:-}" ] && { [ "$what" = all ] || [ "$what" = scale ]; }; then
  deploy/install-deps.sh
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" -t wherry_steer_bench -- --quiet
  WHERRY_STEER_BENCH=$root/build/$preset/bench/micro/wherry_steer_bench
fi
export WHERRY_BINARY WHERRY_NODE_PEER WHERRY_STEER_BENCH
for each in "${building[@]}"; do wait "$each"; done

# --- the suites, one after the other: each measures times on a machine that should do nothing else

# A namespace of its own for the suite, in which it makes those of its hosts; and mounts that nobody
# else sees, with a file system for what BPF programs pin, as a node has one.
in_namespace() {
  unshare --net --mount --propagation private timeout --kill-after=10 "${WHERRY_NODE_TIMEOUT:-300}" \
    setpriv --pdeathsig TERM tests/in_place.sh sh -c '
      mkdir -p /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf && exec python3 -B -W ignore "$@"
    ' node "tests/node/$1"
}

all=(hosts combinations refusals clients neighbours restart repair fallbacks nodeports port_ranges host_clients leftovers \
  udp_load udp_limits scale kubeproxy)
case $what in
  all) suites=("${all[@]}") ;;
  *) suites=("$what") ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0
for suite in "${suites[@]}"; do
  echo "--- $suite"
  status=0
  in_namespace "test_$suite.py" 2>&1 | tee "$log" || status=$?
  count=$(sed -n 's/^Ran \([0-9]*\) tests\? in.*/\1/p' "$log")
  # A test fails once, however many of its subtests do.
  bad=$(sed -n 's/^\(FAIL\|ERROR\): \([^ ]*\).*/\2/p' "$log" | sort -u | wc -l)
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  failed=$((failed + bad))
  passed=$((passed + (${count:-0} > bad ? ${count:-0} - bad : 0)))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
