"""System calls that a sandbox refuses, as compiled filters of libseccomp.

Two filters: bubblewrap loads the first for everything in the sandbox; the zygote gives the second to
each submission, whose programs never start others and never signal the zygote.
"""
from __future__ import annotations

import errno
import tempfile

REFUSED = (
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "process_madvise",
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick",
    "mount_setattr", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
    "open_by_handle_at", "name_to_handle_at", "fanotify_init", "quotactl", "swapon", "swapoff", "reboot", "syslog", "acct",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm", "vhangup",
    "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "semget", "semop", "mq_open", "mq_unlink", "personality", "memfd_secret",
)
NAMESPACES = 0x7E020080      # CLONE_NEW* flags of clone
AF_UNIX = 1
TIOCSTI = 0x5412
SIGNALS = (("kill", 0), ("tkill", 0), ("tgkill", 0), ("rt_sigqueueinfo", 0), ("rt_tgsigqueueinfo", 0), ("prlimit64", 0),
           ("setpriority", 1), ("sched_setaffinity", 0), ("sched_setscheduler", 0), ("sched_setparam", 0), ("sched_setattr", 0))
WORD = 0xFFFFFFFF


def for_sandbox() -> bytes:
    """Filter for all that runs in the sandbox: no way out, no network family but local sockets."""
    import pyseccomp as seccomp

    def fill(rules):
        refused = seccomp.ERRNO(errno.EPERM)
        add(rules, refused, *REFUSED)
        add(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags lie in memory, where no filter can look; glibc then uses clone
        for flag in (1 << bit for bit in range(32) if NAMESPACES >> bit & 1):
            rules.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
        rules.add_rule(refused, "socket", seccomp.Arg(0, seccomp.NE, AF_UNIX))
        rules.add_rule(refused, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, WORD, TIOCSTI))

    return compiled(fill)


def for_submission(zygote: int) -> bytes:
    """Filter for a submission: it starts no programs and reaches neither the zygote nor everybody at once.

    Parameters
    ----------
    zygote : int
        Its process id, as seen in the sandbox.
    """
    import pyseccomp as seccomp

    def fill(rules):
        refused = seccomp.ERRNO(errno.EPERM)
        add(rules, refused, "execve", "execveat")
        for call, place in SIGNALS:
            for pid in {zygote, -zygote & WORD, -1 & WORD} if call == "kill" else {zygote}:
                rules.add_rule(refused, call, seccomp.Arg(place, seccomp.MASKED_EQ, WORD, pid))

    return compiled(fill)


def add(rules, action, *names: str) -> None:
    """Add a rule for each system call that this kernel's library knows."""
    for name in names:
        try:
            rules.add_rule(action, name)
        except (ValueError, OSError):
            continue  # another architecture, or an older library: there is no such call to refuse


def compiled(fill) -> bytes:
    """The filter that `fill(rules)` describes, as the kernel takes it; everything else is allowed."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    fill(rules)
    with tempfile.TemporaryFile() as out:
        rules.export_bpf(out)
        out.seek(0)
        return out.read()
