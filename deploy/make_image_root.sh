#!/usr/bin/env bash
# Makes the root of wherry's image: the program, the libraries that it loads, and the few files that
# these look for.
#
#   deploy/make_image_root.sh PROGRAM FOLDER
#
# FOLDER must not exist yet. Fails where the program wants a library that belongs into it
# (WHERRY_STATIC): all but glibc's, and prometheus-cpp with libstdc++, of which Debian has no archive.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64; }
program=$1 root=$2
[ ! -e "$root" ] || { echo "make_image_root: $root is there already" >&2; exit 64; }

mkdir -p "$root"/{etc/ssl/certs,etc/wherry,usr/bin,usr/lib/ssl,usr/local/bin,var/lib/wherry,var/lib/kube-proxy}
mkdir -p "$root"/{run/wherry,proc,sys,dev} && install -d -m 1777 "$root/tmp"
install -m 755 "$program" "$root/usr/bin/wherry"
strip "$root/usr/bin/wherry"
# The name by which the DaemonSets of kubeadm start kube-proxy, whose flags wherry takes.
ln -s ../../bin/wherry "$root/usr/local/bin/kube-proxy"

# Each line of ldd has one absolute path at most; linux-vdso has none. NSS "files" and "dns" are in
# libc itself since glibc 2.34.
ldd "$root/usr/bin/wherry" | grep -o '/[^ ]*' | while read -r library; do
  case $(basename "$library") in
    ld-linux*.so.* | libc.so.6 | libm.so.6 | libprometheus-cpp-*.so.* | libstdc++.so.6 | libgcc_s.so.1)
      install -D -m 755 "$library" "$root$library"
      ;;
    *)
      echo "make_image_root: the program loads $library, which belongs into it: WHERRY_STATIC" >&2
      exit 1
      ;;
  esac
done

echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'root:x:0:0:root:/:/usr/bin/wherry' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
# For kubeconfigs that name no authority.
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"
