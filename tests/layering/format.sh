#!/usr/bin/env bash
# Compares every C++ file with .clang-format.
#
#   tests/layering/format.sh          names what is not formatted; exit 1 if there is any
#   tests/layering/format.sh --fix    formats in place, and names what it changed
#
# Exit codes: 64 unknown argument, 69 no clang-format-19.
set -euo pipefail
cd "$(dirname "$0")/../.."

case "${1:-}" in
  "" | --fix) ;;
  *) echo "format: there is only --fix, no \"$1\"" >&2; exit 64 ;;
esac
command -v clang-format-19 >/dev/null || {
  echo "format: there is no clang-format-19; run first: deploy/install-deps.sh lint" >&2
  exit 69
}

# What git knows or would take; not what is deleted and not committed yet.
mapfile -t files < <(git -c safe.directory='*' ls-files --cached --others --exclude-standard '*.h' '*.cpp' |
                     while IFS= read -r file; do [ ! -f "$file" ] || echo "$file"; done)
[ ${#files[@]} -gt 0 ] || { echo "format: there is no source here" >&2; exit 1; }

export LC_ALL=C
findings=$(clang-format-19 --style=file --dry-run -Werror "${files[@]}" 2>&1) || true
[ -n "$findings" ] || { echo "format: ${#files[@]} files, good"; exit 0; }
mapfile -t bad < <(sed -nE 's/^([^ :]+):[0-9]+:[0-9]+: error: code should be clang-formatted.*/\1/p' \
                     <<<"$findings" | sort -u)
if [ ${#bad[@]} -eq 0 ]; then  # clang-format itself has something to say
  echo "$findings" >&2
  exit 1
elif [ "${1:-}" = --fix ]; then
  clang-format-19 --style=file -i "${bad[@]}"
  printf 'formatted %s\n' "${bad[@]}"
else
  # The first place in each file; the rest is what --fix would change.
  for file in "${bad[@]}"; do grep -m 1 "^$file:" <<<"$findings"; done
  echo "format: ${#bad[@]} of ${#files[@]} files; tests/layering/format.sh --fix mends them"
  exit 1
fi
