# What the tests that build programs of Kubernetes share. Sourced, not run.

# skip SUITE REASON: says so and ends; an error where nothing may be skipped.
skip() {
  echo "SKIPPED $1: $2"
  [ "${WHERRY_CI:-}" != 1 ] || { echo "0 passed, 1 failed (a skip fails with WHERRY_CI=1)"; exit 1; }
  echo "0 passed, 0 failed"
  exit 0
}

# find_go: prints where Go is; fails where there is none.
find_go() {
  command -v go || { [ -x /usr/local/go/bin/go ] && echo /usr/local/go/bin/go; }
}

# cache_folder NAME FILE...: prints the folder for programs that are built from these files.
cache_folder() {
  local name=$1
  shift
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/wherry-$name/$(cat "$@" | sha256sum | cut -c1-16)"
}

# build_go FOLDER INTO ARGUMENT...: go build in FOLDER; INTO appears once all of it is there. Built
# for being built soon: the compiler makes no debugger's data, inlines nothing (a quarter less work)
# and collects its garbage only where it would take more than 2 GiB (a twentieth less).
build_go() {
  local folder=$1 into=$2
  shift 2
  rm -rf "$into" "$into.part"
  mkdir -p "$into.part"
  (cd "$folder" && CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=off GOMEMLIMIT=2GiB "$(find_go)" build -trimpath \
    -gcflags='all=-dwarf=false -l' -o "$into.part/" "$@") ||
    return 1  # also where the caller has not said set -e
  mv "$into.part" "$into"
}
