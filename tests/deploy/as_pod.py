"""Runs a program of an image as a kubelet would start it in the DaemonSet's pod.

    as_pod.py ROOT CAPABILITY[,CAPABILITY...] FOLDER=MOUNT_PATH... -- PROGRAM ARGUMENT...

Started in a network and a mount namespace that are no part of the machine's own: the root is
read-only, FOLDERs are mounted into it beside /proc, /sys, /dev and a new bpffs, the bounding set holds
the capabilities and nothing else, and no new privileges can be had. The environment is passed on.
"""
import ctypes
import os
import subprocess
import sys

# linux/capability.h
NUMBERS = {"NET_BIND_SERVICE": 10, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_RESOURCE": 24, "BPF": 39}
# linux/prctl.h
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGKILL = 9


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def main():
    root, names = sys.argv[1], sys.argv[2].split(",")
    end = sys.argv.index("--")
    mounts, command = sys.argv[3:end], sys.argv[end + 1:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    mount("-t", "proc", "proc", root + "/proc")
    mount("-t", "sysfs", "-o", "ro", "sysfs", root + "/sys")
    mount("-t", "bpf", "bpf", root + "/sys/fs/bpf")
    mount("--bind", "/dev", root + "/dev")
    for each in mounts:
        source, target = each.split("=")
        mount("--bind", source, root + target)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    os.chroot(root)  # from here on Python finds none of its modules any more
    os.chdir("/")
    for number in set(range(last + 1)) - {NUMBERS[name] for name in names}:
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"capability {number} can't be dropped")
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
