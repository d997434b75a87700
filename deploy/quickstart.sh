#!/usr/bin/env bash
# wherry's main job on one machine: a Service, the pods that its label selector picks, and
# connections that are spread over them while pods come and go.
#
#   deploy/quickstart.sh [--keep]
#
# Builds wherry and a small backend program, starts "pods" on 127.0.0.2 and up, writes manifests for
# them, runs wherry on those, and looks at what clients get. --keep leaves everything running.
# Ends with exit code 0 only if everything was as it says.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }
keep=
case "${1:-}" in
  "") ;;
  --keep) keep=1 ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || bold() { printf '\n%s\n' "$*"; }
say() { printf '  %s\n' "$*"; }
fail() { printf '\nquickstart: NOT as it should be: %s\n' "$*" >&2; exit 1; }

# --- what is started is ended, whatever happens -------------------------------------------------
work=$(mktemp -d)
folder=$work/manifests
declare -A pid=()
clean_up() {
  status=$?
  if [ -n "$keep" ] && [ "$status" -eq 0 ]; then return; fi
  if [ "$status" -ne 0 ] && [ -s "$work/wherry.log" ]; then
    printf '\nwherry said:\n' >&2
    tail -n 20 "$work/wherry.log" >&2
  fi
  for each in "${pid[@]}"; do kill "$each" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bold "1. Build"
deploy/install-deps.sh
say "configuring and compiling wherry and the backend program (the first time takes minutes)"
build=build/quickstart
if [ -e "$build" ] && [ ! -w "$build" ]; then
  fail "$build belongs to another user; remove it, or work in a clone of your own"
fi
show_progress() {  # on a terminal, ninja's "[17/92]" in place; the whole output into a file
  tee -a "$work/build.log" | while IFS= read -r line; do
    if [ -t 1 ]; then printf '\r  %s ' "${line%%]*}]"; fi
  done
  if [ -t 1 ]; then printf '\r%20s\r' ""; fi
}
cmake --preset release -B "$build" -DWHERRY_TESTS=OFF -DWHERRY_BENCH=OFF >"$work/build.log" 2>&1 &&
  cmake --build "$build" --target wherry wherry-backend 2>&1 | show_progress || {
  tail -n 30 "$work/build.log" >&2
  fail "the build failed"
}
wherry=$PWD/$build/proxy/wherry
backend=$PWD/$build/bench/load/wherry-backend
say "$("$wherry" version) is in $build/proxy"

# Proxies that the environment names are for the world outside.
ask_http() { curl -s --noproxy '*' --max-time 5 "$@"; }
is_taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# What outlives this script (--keep) must not hold its output open, or `quickstart.sh | less` hangs.
start_pod() {  # NAME ADDRESS
  "$backend" "$1" "$2:9376" >>"$work/pods.log" 2>&1 &
  pid[$1]=$!
  for _ in $(seq 100); do
    if is_taken "$2" 9376; then return; fi
    sleep 0.05
  done
  fail "$1 does not listen on $2:9376"
}

# Another quickstart may have the pods' addresses already (--keep).
pods_free() {  # NET
  local i
  for i in 2 3 4 5 6; do ! is_taken "$1.$i" 9376 || return 1; done
}
net=127.0.0
for i in 1 2 3 4 5; do
  if pods_free "$net"; then break; fi
  say "something listens on port 9376 of $net.2-6; trying 127.0.$i.2-6"
  net=127.0.$i
done
pods_free "$net" || fail "port 9376 is taken everywhere; stop what listens there and try again"

bold "2. Pods"
mkdir "$folder"
add_pod() {  # NAME ADDRESS LABEL: the pod itself, and its manifest in one step
  start_pod "$1" "$2"
  sed "s/name: .*/name: $1/; s/app: .*/app: $3/; s/podIP: .*/podIP: $2/" \
    deploy/example/pod-1.yaml >"$folder/.$1"
  mv "$folder/.$1" "$folder/$1.yaml"
  say "$1 listens on $2:9376, label app: $3"
}
add_pod pod-1 "$net.2" myapp
add_pod pod-2 "$net.3" myapp
add_pod pod-3 "$net.4" myapp
add_pod other "$net.5" anotherapp

bold "3. The Service, as one writes it"
cp deploy/example/my-service.yaml "$folder/"
sed 's/^/  /' "$folder/my-service.yaml"

bold "4. wherry"
offset=0
if [ "$(id -u)" -ne 0 ] && [ 80 -lt "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" ]; then
  offset=8000
  say "ports below 1024 are closed to ordinary users: port 80 becomes 8080 (--port-offset 8000)"
fi
while is_taken 127.0.0.1 $((80 + offset)); do
  say "port $((80 + offset)) is taken by something else; trying $((80 + offset + 8000))"
  offset=$((offset + 8000))
  [ "$offset" -lt 60000 ] || fail "no free port"
done
admin=10249
while is_taken 127.0.0.1 "$admin"; do admin=$((admin + 1000)); done
port=$((80 + offset))
command=("$wherry" run --manifests "$folder" --port-offset "$offset"
         --admin-address "127.0.0.1:$admin" --log-level warn)
say "wherry run --manifests $folder --port-offset $offset --admin-address 127.0.0.1:$admin"
"${command[@]}" >"$work/wherry.log" 2>&1 &
pid[wherry]=$!
is_ready() { ask_http -f -o /dev/null "http://127.0.0.1:$admin/readyz"; }
for _ in $(seq 200); do
  if is_ready; then break; fi
  kill -0 "${pid[wherry]}" 2>/dev/null || fail "wherry ended"
  sleep 0.05
done
is_ready || fail "wherry does not become ready"
[ "$admin" -eq 10249 ] || admin_flag=" --admin-address 127.0.0.1:$admin"
get() { "$wherry" get "$@" --admin-address "127.0.0.1:$admin"; }
get services | sed 's/^/  /'

declare -A answers=()
ask() {  # COUNT: who answered how often; every request must be answered
  answers=()
  for _ in $(seq "$1"); do
    name=$(ask_http "http://127.0.0.1:$port/") || fail "a request was not answered"
    answers[$name]=$((${answers[$name]:-0} + 1))
  done
  for name in $(printf '%s\n' "${!answers[@]}" | sort); do
    say "$name answered ${answers[$name]} of $1"
  done
}
expect() {  # NAME COUNT
  [ "${answers[$1]:-0}" -eq "$2" ] || fail "$1 answered ${answers[$1]:-0} times, not $2"
}
is_live() {  # COUNT: so many endpoints, in a table that every worker uses
  local generation
  [ "$(get endpoints my-service -o json | grep -o '"address"' | wc -l)" -eq "$1" ] || return 1
  generation=$(ask_http "http://127.0.0.1:$admin/metrics" |
               awk '$1 == "wherry_table_generation" {print $2}')
  ask_http "http://127.0.0.1:$admin/readyz?verbose" | grep -q "generation $generation,"
}
wait_for_endpoints() {  # COUNT
  for _ in $(seq 200); do
    ! is_live "$1" || return 0
    sleep 0.05
  done
  fail "there are not $1 endpoints"
}

bold "5. Thirty requests to the Service: even thirds, and never the pod with another label"
ask 30
expect pod-1 10; expect pod-2 10; expect pod-3 10; expect other 0

bold "6. Plain TCP works the same: whoever connects gets a name"
exec 3<>"/dev/tcp/127.0.0.1/$port"
IFS= read -r -t 5 name <&3 || fail "nobody answered over plain TCP"
exec 3>&-
say "a connection without a request was answered by $name"

bold "7. pod-2 is killed, and its manifest stays: every request is still answered"
kill "${pid[pod-2]}"
wait "${pid[pod-2]}" 2>/dev/null || true
unset 'pid[pod-2]'
ask 30
expect pod-2 0
[ $((${answers[pod-1]:-0} + ${answers[pod-3]:-0})) -eq 30 ] || fail "not every request was answered"
retries=$(ask_http "http://127.0.0.1:$admin/metrics" | awk '$1 == "wherry_tcp_retries_total" {print $2}')
say "wherry tried another pod $retries times (wherry_tcp_retries_total)"
[ "$retries" -gt 0 ] || fail "nothing was tried again"

bold "8. pod-2's manifest is removed: the two that are left share the work"
rm "$folder/pod-2.yaml"
wait_for_endpoints 2
ask 20
expect pod-1 10; expect pod-3 10

bold "9. A fourth pod comes"
add_pod pod-4 "$net.6" myapp
wait_for_endpoints 3
ask 30
expect pod-1 10; expect pod-3 10; expect pod-4 10

bold "10. What wherry knows: wherry get endpoints"
get endpoints | sed 's/^/  /'

offer() { printf '  %-50s %s\n' "$1" "$2"; }
if [ -n "$keep" ]; then
  bold "Everything was as it should be, and goes on running. Try next:"
  offer "curl http://127.0.0.1:$port/" "ask the Service"
  offer "$build/proxy/wherry get endpoints${admin_flag:-}" "what wherry knows"
  offer "ls $folder" "the manifests: change them and watch"
  offer "cat $work/wherry.log" "what wherry has to say"
  offer "kill ${pid[*]}; rm -r $work" "stop it"
  exit 0
fi
bold "11. Stop"
kill -TERM "${pid[wherry]}"
status=0
wait "${pid[wherry]}" || status=$?
unset 'pid[wherry]'
[ "$status" -eq 0 ] || fail "wherry ended with exit code $status"
say "wherry let its connections end and left with exit code 0"

bold "Everything was as it should be. Try next:"
offer "deploy/quickstart.sh --keep" "leave it running, play with the manifests"
offer "$build/proxy/wherry run --help" "what can be set, with examples"
offer "$build/proxy/wherry check --manifests DIR" "what is wrong with your manifests"
offer "tests/run.sh" "the tests"
