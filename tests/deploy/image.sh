#!/usr/bin/env bash
# Runs the steps of deploy/Dockerfile in a root made by debootstrap, and looks at what comes of it.
#
#   tests/deploy/image.sh
#
# Needs root. Mounts and processes end with namespaces of its own, however it ends. What takes long
# (the root with the build's packages, compiled objects) is kept under the cache folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
deploy/install-deps.sh deploy
work=$(mktemp -d -p /var/tmp)  # /tmp may be small, or have no devices
child=
clean_up() {
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  wait || true
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
unshare --mount --pid --fork --kill-child --mount-proc \
  python3 -B -W ignore tests/deploy/test_image.py "$work" &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
