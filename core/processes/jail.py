"""Less than a process may usually do: limits on time and files, no network, no programs, no writing elsewhere.

Linux's own means, which need no rights: resource limits, a filter of system calls (seccomp(2)) and Landlock
(landlock(7)). Where a system lacks one of them the process goes on without, and says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER, _TSYNC = 1, 1
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
#: Numbers of system calls by machine: AUDIT_ARCH, seccomp, clone, clone3, and those that are refused: sockets and
#: listening, programs and processes, looking into or ending other processes, io_uring.
_MACHINES: dict[str, tuple[int, int, int, tuple[int, ...]]] = {
    "x86_64": (0xC000003E, 317, 56, (41, 42, 49, 50, 53, 57, 58, 59, 62, 101, 310, 311, 322, 425)),
    "aarch64": (0xC00000B7, 277, 220, (117, 129, 198, 199, 200, 201, 203, 221, 270, 271, 281, 425)),
}
_CLONE3 = 435
_CLONE_THREAD = 0x10000


def enter_jail(cpu_seconds: int, most_written: int) -> tuple[str, ...]:
    """Give up what this process does not need, for good. To be called when all is imported.

    Args:
        cpu_seconds: Processor time from now on; at its end the process is ended.
        most_written: Bytes that a file may come to.

    Returns:
        What this system could not take away: `"limits"`, `"network"`.
    """
    missing = []
    if not _limit(cpu_seconds, most_written):
        missing.append("limits")
    if not _filter_calls():
        missing.append("network")
    return tuple(missing)


def _limit(cpu_seconds: int, most_written: int) -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    used = int(sum(os.times()[:2])) + 1
    for what, value in (
        (resource.RLIMIT_CPU, used + cpu_seconds),
        (resource.RLIMIT_FSIZE, most_written),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (limit, limit))
    return True


def _filter_calls() -> bool:
    """Refuse sockets, programs and processes to all threads of this process."""
    known = _MACHINES.get(platform.machine())
    if not sys.platform.startswith("linux") or known is None:
        return False
    program = _program(*known)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.syscall(known[1], _SECCOMP_MODE_FILTER, _TSYNC, ctypes.c_char_p(header)) == 0)


def _program(arch: int, seccomp: int, clone: int, refused: tuple[int, ...]) -> bytes:  # noqa: ARG001
    """The filter in classic BPF: refused calls fail with EPERM, new processes too, new threads do not."""
    load, equal, bits, give = 0x20, 0x15, 0x45, 0x06
    lines = [
        (load, 0, 0, 4),  # which machine's numbers
        (equal, 1, 0, arch),
        (give, 0, 0, _ERRNO | errno.EPERM),
        (load, 0, 0, 0),  # number of the call
        (equal, 0, 1, _CLONE3),
        (give, 0, 0, _ERRNO | errno.ENOSYS),  # its flags lie in memory: the C library goes back to clone
        (equal, 0, 4, clone),
        (load, 0, 0, 16),  # flags
        (bits, 0, 1, _CLONE_THREAD),
        (give, 0, 0, _ALLOW),
        (give, 0, 0, _ERRNO | errno.EPERM),
    ]
    for number in refused:
        lines += [(equal, 0, 1, number), (give, 0, 0, _ERRNO | errno.EPERM)]
    lines.append((give, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def close_folders(writable: Path) -> bool:
    """Let this thread, and those that it starts, write below one folder only (Landlock, Linux 5.13 and newer).

    Args:
        writable: The only folder in which files may be made, changed or removed.

    Returns:
        Whether the system could do so.
    """
    machine = _MACHINES.get(platform.machine())
    if not sys.platform.startswith("linux") or machine is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    # WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_CHAR … MAKE_SYM of the first version of the interface.
    rights = 0b1_1111_1111_0010
    ruleset = struct.pack("Q", rights)
    handle = libc.syscall(444, ctypes.c_char_p(ruleset), len(ruleset), 0)
    if handle < 0:
        return False
    folder = os.open(writable, os.O_PATH | os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_PATH | os.O_CLOEXEC)
    try:
        # struct landlock_path_beneath_attr is packed: the rights, then the folder.
        inside = libc.syscall(445, handle, 1, ctypes.c_char_p(struct.pack("=Qi", rights, folder)), 0)
        libc.syscall(445, handle, 1, ctypes.c_char_p(struct.pack("=Qi", 0b10, null)), 0)
        if inside != 0 or libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        return bool(libc.syscall(446, handle, 0) == 0)
    finally:
        for descriptor in (handle, folder, null):
            os.close(descriptor)
