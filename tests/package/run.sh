#!/usr/bin/env bash
# Makes the Debian package of a release build, and installs, uses and purges it in a clean root.
#
#   tests/package/run.sh BUILD_DIR        for example: tests/package/run.sh build/release
#
# Needs root: it makes a root with debootstrap, and namespaces of its own for mounts, processes and
# (while wherry runs) the network. Nothing of it is left when it ends.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  [ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 64; }
  build=$(realpath "$1")
  cd "$(dirname "$0")/../.."
  deploy/install-deps.sh build package
  . tests/support/work_folder.sh
  with_work_folder "$PWD/tests/package/run.sh" --inside "$build"
fi

build=$2
work=$3
root=$work/root
passed=0
failed=0

step() { printf '\n%s\n' "$*"; }
check() {  # WHAT COMMAND...: counts, and shows what a failing command said
  local what=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    passed=$((passed + 1))
    printf '  ok    %s\n' "$what"
  else
    failed=$((failed + 1))
    printf '  FAIL  %s\n' "$what"
    sed 's/^/        /' "$work/said" | tail -n 20
  fi
}
finish() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
give_up() {  # WHAT [LOG]: without this there is nothing more to look at
  printf '  FAIL  %s\n' "$1"
  [ -z "${2:-}" ] || tail -n 20 "$2"
  failed=$((failed + 1))
  finish
  exit 1
}
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
  ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
  chroot "$root" "$@"; }

# --- the package ----------------------------------------------------------------------------------
step "The package"
cmake --build "$build" --target wherry wherry-backend wherry_share >"$work/log" 2>&1 ||
  give_up "the release build builds" "$work/log"
(cd "$build" && cpack -G DEB -B "$work/out") >"$work/log" 2>&1 || give_up "cpack" "$work/log"
deb=$(echo "$work"/out/wherry_*.deb)

check "$(basename "$deb") is made" test -s "$deb"
check "it names its section, maintainer and libraries" bash -c '
  [ "$(dpkg-deb -f "$0" Section)" = net ] && dpkg-deb -f "$0" Maintainer | grep -q "wherry authors" &&
  dpkg-deb -f "$0" Depends | grep -q "libc6 (>=" && dpkg-deb -f "$0" Depends | grep -q libyaml' "$deb"
dpkg-deb -x "$deb" "$work/files"
binary=$work/files/usr/bin/wherry
check "the program is stripped" bash -c '! readelf -SW "$0" | grep -Eq "\.(symtab|debug_info)"' "$binary"
check "the program is hardened: PIE, full RELRO, no executable stack, stack protector, fortify" bash -c '
  readelf -dW "$0" | grep -q "Flags:.*NOW.*PIE" && readelf -lW "$0" | grep -q GNU_RELRO &&
  readelf -lW "$0" | grep GNU_STACK | grep -q "RW " &&
  readelf --dyn-syms -W "$0" | grep -q __stack_chk_fail &&
  readelf --dyn-syms -W "$0" | grep -q "_chk@"' "$binary"
check "the program was built for no sanitizer and looks for libraries nowhere else" bash -c '
  ! readelf -dW "$0" | grep -Eq "RUNPATH|RPATH|lib[at]san"' "$binary"
check "everything belongs to root and is writable by it alone" bash -c '
  ! dpkg-deb -c "$0" | grep -Ev "^[d-]rw[x-]r-[x-]r-[x-] root/root "' "$deb"

# --- `cmake --install` ----------------------------------------------------------------------------
step "cmake --install --prefix"
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || true
for file in bin/wherry lib/systemd/system/wherry.service share/man/man1/wherry.1.gz \
            share/bash-completion/completions/wherry share/zsh/vendor-completions/_wherry \
            etc/wherry/wherry.yaml; do
  check "$file is under the prefix" test -s "$work/prefix/$file"
done
check "the unit names the prefix" grep -q \
  "^ExecStart=$work/prefix/bin/wherry run --config $work/prefix/etc/wherry/wherry.yaml\$" \
  "$work/prefix/lib/systemd/system/wherry.service"
if command -v systemd-analyze >/dev/null; then
  check "the unit is valid" bash -c '! systemd-analyze verify --man=no "$0" 2>&1 | grep .' \
    "$work/prefix/lib/systemd/system/wherry.service"
fi
echo '# mine' >>"$work/prefix/etc/wherry/wherry.yaml"
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || true
check "installing again keeps a changed configuration" \
  grep -q '^# mine' "$work/prefix/etc/wherry/wherry.yaml"

# --- a clean root ---------------------------------------------------------------------------------
step "A clean root (debootstrap; about a minute)"
# The host's own sources of this release, in whichever format they are written.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Identifier: Packages' |
  awk -v release="$codename" '$2 == release || index($2, release "-") == 1 {print "deb", $0}' | sort -u)
mirror=$(awk -v release="$codename" '$3 == release && $4 == "main" {print $2; exit}' <<<"$sources")
[ -n "$mirror" ] || give_up "apt knows a source of $codename"
debootstrap --variant=minbase --include=ca-certificates "$codename" "$root" "$mirror" \
  >"$work/log" 2>&1 || give_up "debootstrap makes a root" "$work/log"
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
printf '%s\n' "$sources" >"$root/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::https?::' >"$root/etc/apt/apt.conf.d/00host" || true
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
if [ -n "$(find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null)" ]; then
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
  in_root update-ca-certificates >/dev/null 2>&1
fi
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind /dev "$root/dev"
in_root apt-get update -qq >"$work/log" 2>&1 || give_up "apt-get update in the root" "$work/log"
check "the root knows nothing of wherry" bash -c '! find "$0" -xdev -iname "*wherry*" | grep .' "$root"

# Every file with its kind, rights, owner and target, and what stands in /etc. Caches, logs and the
# lists of apt and dpkg change with any installation; dpkg's own list is looked at by itself.
photograph() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/cache \
      -o -path ./var/log -o -path ./var/lib/apt -o -path ./var/lib/dpkg \) -prune -o \
      -printf '%p %y %m %u:%g %l\n' | sort
   find ./etc -type f ! -name ld.so.cache -exec md5sum {} + | sort -k 2)
  in_root dpkg-query -W -f '${Package} ${db:Status-Status}\n'
}
photograph >"$work/before"

# --- install --------------------------------------------------------------------------------------
step "Install"
cp "$deb" "$root/tmp/"
install_it() { in_root apt-get install -y --no-install-recommends "/tmp/$(basename "$deb")"; }
check "apt-get install with its dependencies, without a running systemd" install_it
for file in usr/bin/wherry usr/lib/systemd/system/wherry.service usr/share/man/man1/wherry.1.gz \
            usr/share/bash-completion/completions/wherry \
            usr/share/zsh/vendor-completions/_wherry etc/wherry/wherry.yaml \
            usr/share/doc/wherry/copyright usr/share/doc/wherry/examples/my-service.yaml; do
  check "/$file is there" test -s "$root/$file"
done
check "wherry version is the package's" bash -c '[ "$1" = "wherry $2" ]' - \
  "$(in_root wherry version)" "$(dpkg-deb -f "$deb" Version)"
check "the unit is enabled" \
  test -L "$root/etc/systemd/system/multi-user.target.wants/wherry.service"
check "the unit runs what is installed" grep -q \
  '^ExecStart=/usr/bin/wherry run --config /etc/wherry/wherry.yaml$' \
  "$root/usr/lib/systemd/system/wherry.service"
check "the man page can be shown" bash -c 'man -l "$0" | grep -q "wherry run"' \
  "$root/usr/share/man/man1/wherry.1.gz"
completes() {
  bash -c 'source "$0" && COMP_WORDS=(wherry run --li) && COMP_CWORD=2 && _wherry &&
    printf "%s\n" "${COMPREPLY[@]}" | grep -qx -- --listen-pool' \
    "$root/usr/share/bash-completion/completions/wherry"
}
check "bash completes flags" completes
check "zsh's completion says what it completes" grep -qx '#compdef wherry' \
  "$root/usr/share/zsh/vendor-completions/_wherry"
check "wherry check accepts the installed configuration" \
  in_root wherry check --config /etc/wherry/wherry.yaml

# --- run the quickstart's folder ------------------------------------------------------------------
step "Run: the quickstart's folder, with the installed program and configuration"
cp "$root"/usr/share/doc/wherry/examples/*.yaml "$root/etc/wherry/manifests/"
check "wherry check accepts the folder" in_root wherry check --config /etc/wherry/wherry.yaml
if root=$root backend=$build/bench/load/wherry-backend \
    unshare --net tests/package/serve.sh >"$work/answers" 2>&1; then status=0; else status=$?; fi
sed 's/^/        /' "$work/answers"
for i in 1 2 3; do
  check "pod-$i answered 10 of 30" grep -qx "pod-$i answered 10" "$work/answers"
done
check "the pod with another label never answered" bash -c '! grep -q "^other" "$0"' "$work/answers"
check "wherry get shows the three" grep -qx '3 endpoints' "$work/answers"
check "wherry ended with exit code 0 on SIGTERM" test "$status" -eq 0

# --- away with it ---------------------------------------------------------------------------------
step "Remove and purge"
purge() { in_root apt-get purge -y wherry; }
check "apt-get remove" in_root apt-get remove -y wherry
check "the configuration outlives removal" test -s "$root/etc/wherry/wherry.yaml"
check "the program does not" test ! -e "$root/usr/bin/wherry"
check "apt-get purge" purge
check "what is the user's outlives a purge" test -s "$root/etc/wherry/manifests/my-service.yaml"
check "the package's configuration does not" test ! -e "$root/etc/wherry/wherry.yaml"
check "it installs again" install_it
rm "$root"/etc/wherry/manifests/*
check "purged at once" purge
check "its libraries go" in_root apt-get autoremove --purge -y
photograph >"$work/after"
check "the root is as it was before" diff "$work/before" "$work/after"
check "dpkg and systemd's helper know nothing of it" bash -c '
  ! find "$0" -xdev -iname "*wherry*" ! -path "*/tmp/*" | grep . &&
  ! grep -rl "Package: wherry" "$0/var/lib/dpkg/status"' "$root"
check "no process is left" bash -c '! readlink /proc/[0-9]*/exe | grep wherry'

finish
