#!/usr/bin/env bash
# The soak programs in a form that takes about two minutes.
#
#   tests/soak/run.sh BUILD_FOLDER
#
# By hand, the long form: BUILD_FOLDER/tests/soak/wherry-soak-connections WHERRY --connections 1000000
set -euo pipefail
build=${1:?say which build folder}
"$build/tests/soak/wherry-soak-connections" "$build/proxy/wherry" --connections 200000 --even 50
"$build/tests/soak/wherry-soak-sessions" "$build/proxy/wherry" --sessions 2000 --services 200
