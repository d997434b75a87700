#!/usr/bin/env bash
# Runs clang-tidy with .clang-tidy.
#
#   tests/layering/tidy.sh            on the .cpp files that differ from HEAD or are new
#   tests/layering/tidy.sh --all      on every .cpp file (half an hour on two cores)
#   tests/layering/tidy.sh FILE...    on these
#
# Reads the compile commands of build/dev, or of the folder that WHERRY_BUILD names.
# Exit codes: 1 a finding that .clang-tidy calls an error, 69 no clang-tidy-19 or no compile commands.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${WHERRY_BUILD:-build/dev}
command -v clang-tidy-19 >/dev/null || {
  echo "tidy: there is no clang-tidy-19; run first: deploy/install-deps.sh lint" >&2
  exit 69
}
[ -f "$build/compile_commands.json" ] || {
  echo "tidy: there is no $build/compile_commands.json; run first: cmake --preset dev" >&2
  exit 69
}
case "${1:-}" in
  "") mapfile -t files < <({ git diff --name-only --diff-filter=d HEAD -- '*.cpp'
                             git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u) ;;
  --all) mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.cpp') ;;
  *) files=("$@") ;;
esac
# Only what is built: clang-tidy would guess the flags of anything else.
known=()
for file in "${files[@]}"; do
  if grep -q "\"file\": \".*/$file\"" "$build/compile_commands.json"; then
    known+=("$file")
  else
    echo "tidy: $file is not built, left out"
  fi
done
[ ${#known[@]} -gt 0 ] || { echo "tidy: nothing to look at"; exit 0; }
# The commands are for g++: its own warning flags and precompiled headers mean nothing to clang.
printf '%s\0' "${known[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 -p "$build" --quiet \
    --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-gch \
    2> >(grep -vE '^[0-9]+ (warning|error)s? .*generated|^[0-9]+ warnings? generated' >&2) || {
  echo "tidy: there are errors"
  exit 1
}
echo "tidy: ${#known[@]} files, no errors"
