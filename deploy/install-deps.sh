#!/usr/bin/env bash
# Installs the Debian packages that are missing, and says which. Does nothing where none is.
#
#   deploy/install-deps.sh [GROUP...]
#
#   build    compiler, libraries and what the tests need (the default)
#   package  what makes and tests the Debian package
#   lint     clang-format and clang-tidy
#   fuzz     clang with libFuzzer
#   cluster  what starts a control plane for the tests of tests/cluster; Go is not among it
#   node     what the hosts of tests/node are made of and looked at with
#   deploy   what tests/deploy needs besides: a reader of YAML, and what makes a root for the image
#   image    what the image has besides the program
#
# Exit codes: 0 everything is there, 64 unknown group, 69 packages can't be fetched or this is no
# Debian, 77 packages are missing and only root may install them.
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build ccache lld pkg-config python3-minimal curl iproute2 iptables nftables procps
           libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev zlib1g-dev libyaml-dev libspdlog-dev libcli11-dev
           prometheus-cpp-dev libgtest-dev libgmock-dev libbenchmark-dev
           clang-19 bpftool libbpf-dev linux-libc-dev"
  [package]="dpkg-dev file gzip debootstrap util-linux curl binutils man-db"
  [lint]="clang-format-19 clang-tidy-19 clang-19"
  [fuzz]="clang-19 libclang-rt-19-dev"
  [cluster]="python3 openssl curl iproute2 util-linux ca-certificates"
  [node]="python3 iproute2 util-linux iptables nftables bpftool procps libcap2-bin"
  [deploy]="python3-yaml debootstrap util-linux binutils iproute2 ccache git"
  [image]="ca-certificates"
)

[ $# -gt 0 ] || set -- build
wanted=()
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || {
    echo "install-deps: there is no group \"$group\"; the groups are ${!groups[*]}" >&2
    exit 64
  }
  read -ra packages <<<"$(tr '\n' ' ' <<<"${groups[$group]}")"
  wanted+=("${packages[@]}")
done

command -v dpkg-query >/dev/null || {
  echo "install-deps: this is no Debian; install by hand what corresponds to: ${wanted[*]}" >&2
  exit 69
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}
missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "install-deps: packages are missing: ${missing[*]}" >&2
  echo "Run this first: sudo $(realpath "$0") $*" >&2
  exit 77
fi

echo "install-deps: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install-deps: the packages can't be installed" >&2
  exit 69
fi
echo "install-deps: done"
