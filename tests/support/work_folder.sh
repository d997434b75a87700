# What the tests that make roots with debootstrap share. Sourced, not run.

# with_work_folder COMMAND...: runs the command, with a new folder as its last argument, and ends with
# its exit code. Its mounts and processes are in namespaces of their own and end with it, and the
# folder goes, however it ends.
with_work_folder() {
  work=$(mktemp -d -p /var/tmp)  # /tmp may be small, or have no devices
  child=
  trap remove_work_folder EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  unshare --mount --pid --fork --kill-child --mount-proc "$@" "$work" &
  child=$!
  local status=0
  wait "$child" || status=$?
  child=
  exit "$status"
}

remove_work_folder() {
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  wait || true
  rm -rf --one-file-system "$work"
}
