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
. tests/support/work_folder.sh
with_work_folder python3 -B -W ignore tests/deploy/test_image.py
