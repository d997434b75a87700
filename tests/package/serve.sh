#!/usr/bin/env bash
# Part of run.sh: starts the pods of the examples and the installed wherry in a network namespace of
# its own, asks the Service thirty times, and ends with wherry's exit code. $root is the root that
# wherry is installed in, $backend the program that plays the pods.
set -euo pipefail
ip link set lo up

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT
number=2
for pod in pod-1 pod-2 pod-3 other; do
  "$backend" "$pod" "127.0.0.$number:9376" &
  pids+=($!)
  number=$((number + 1))
done

# The rights that the systemd unit gives: a nobody who may open ports below 1024.
chroot "$root" setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
  --inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service \
  --bounding-set -all,+net_bind_service \
  wherry run --config /etc/wherry/wherry.yaml --log-level warn &
wherry=$!
pids+=("$wherry")

# Ready is when the table is there and the Service's port answers.
for _ in $(seq 200); do
  if curl -sf --noproxy "*" -o /dev/null http://127.0.0.1:10249/readyz &&
     [ "$(chroot "$root" wherry get endpoints -o json | grep -o '"address"' | wc -l)" -eq 3 ]; then
    break
  fi
  kill -0 "$wherry" || exit
  sleep 0.05
done
echo "$(chroot "$root" wherry get endpoints -o json | grep -o '"address"' | wc -l) endpoints"
for _ in $(seq 30); do
  curl -s --noproxy "*" --max-time 5 http://127.0.0.1/ || echo nobody
done | sort | uniq -c | while read -r count name; do echo "$name answered $count"; done

kill -TERM "$wherry"
status=0
wait "$wherry" || status=$?
exit "$status"
