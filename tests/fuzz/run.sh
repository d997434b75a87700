#!/usr/bin/env bash
# Searches for inputs that break a parser: builds the fuzz targets with libFuzzer and runs each.
#
#   tests/fuzz/run.sh SECONDS_PER_TARGET [TARGET...]     for example: tests/fuzz/run.sh 600 manifest
#
#   WHERRY_FUZZ_JOBS=2        how many targets run at a time (default: 1)
#   WHERRY_FUZZ_FOUND=FOLDER  where inputs that break a target go (default: build/fuzz/found)
#
# Needs nothing prepared but root, where clang is missing: it installs it and says so. Inputs that are
# only new stay in build/fuzz/corpus for the next run; the repository's corpora are never written.
# Exit codes: 1 an input broke a target, 64 wrong arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || {
  echo "usage: tests/fuzz/run.sh SECONDS_PER_TARGET [TARGET...]" >&2
  exit 64
}
shift
mapfile -t known < <(cd tests/fuzz && ls -- *_fuzz.cpp | sed 's/_fuzz\.cpp$//')
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [ -f "tests/fuzz/${target}_fuzz.cpp" ] || {
    echo "fuzz: there is no target \"$target\"; the targets are ${known[*]}" >&2
    exit 64
  }
done
jobs=${WHERRY_FUZZ_JOBS:-1}
found=${WHERRY_FUZZ_FOUND:-build/fuzz/found}

deploy/install-deps.sh build fuzz
mkdir -p build/fuzz
cmake --preset fuzz >build/fuzz/configure.log 2>&1 || { cat build/fuzz/configure.log; exit 1; }
programs=()
for target in "${targets[@]}"; do programs+=("wherry_${target}_fuzz"); done
cmake --build --preset fuzz -t "${programs[@]}" >build/fuzz/build.log 2>&1 || {
  cat build/fuzz/build.log
  exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# libFuzzer writes only to the first corpus that it is given.
search() {
  local target=$1 log=$scratch/$1.log
  mkdir -p "build/fuzz/corpus/$target" "$scratch/$target"
  nice "build/fuzz/tests/fuzz/wherry_${target}_fuzz" "build/fuzz/corpus/$target" \
    "tests/fuzz/corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 \
    -max_len=65536 -dict=tests/fuzz/kubernetes.dict -print_final_stats=1 \
    -artifact_prefix="$scratch/$target/" >"$log" 2>&1
}

report() {
  local target=$1 status=$2 log=$scratch/$1.log executed
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [ "$status" -eq 0 ]; then
    echo "$target: ${executed:-0} executions, nothing found"
    return 0
  fi
  echo "$target: FAILED after ${executed:-an unknown number of} executions"
  grep -m 1 -E 'ERROR|runtime error|does not hold|SUMMARY' "$log" || tail -n 20 "$log"
  local input
  for input in "$scratch/$target"/*; do
    [ -f "$input" ] || continue
    mkdir -p "$found"
    cp "$input" "$found/$target-$(basename "$input")"
    echo "  replay: build/fuzz/tests/fuzz/wherry_${target}_fuzz $found/$target-$(basename "$input")"
  done
  mkdir -p "$found"
  cp "$log" "$found/$target.log"
  echo "  its whole output: $found/$target.log"
  return 1
}

echo "fuzz: ${targets[*]}, $seconds seconds each"
declare -A running=()  # pid -> target
passed=0 failed=0
collect_one() {
  local pid status=0
  wait -n -p pid "${!running[@]}" || status=$?
  if report "${running[$pid]}" "$status"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  unset "running[$pid]"
}
for target in "${targets[@]}"; do
  [ ${#running[@]} -lt "$jobs" ] || collect_one
  search "$target" &
  running[$!]=$target
done
while [ ${#running[@]} -gt 0 ]; do collect_one; done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
