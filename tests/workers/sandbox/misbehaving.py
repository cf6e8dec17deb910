"""Operations for the sandbox that do what a decoder in an attacker's hands would try."""

import ctypes
import io
import mmap
import os
import resource
import socket
import threading
import time

from workers.sandbox.child import Result

_libc = ctypes.CDLL(None, use_errno=True)


def _attempted(attempt):
    try:
        return f"succeeded: {attempt()!r}"
    except BaseException as error:  # noqa: BLE001 - every way of failing is an answer
        return type(error).__name__


def _syscall(number, *arguments):
    if _libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return "done"


def _fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return pid


ATTEMPTS = {
    "open for reading": lambda: open("/etc/passwd"),
    "open for writing": lambda: open("/tmp/vitrine-escape", "w"),
    "openat2": lambda: _syscall(437, -100, b"/etc/passwd", b"\0" * 24, 24),
    "creat": lambda: _syscall(85, b"/tmp/vitrine-escape", 0o600),
    "open_by_handle_at": lambda: _syscall(304, 3, b"\0" * 64, 0),
    "stat": lambda: os.stat("/etc/passwd"),
    "list": lambda: os.listdir("/"),
    "unlink": lambda: os.unlink("/tmp/nothing"),
    "memfd": lambda: os.memfd_create("x"),
    "inet": lambda: socket.socket(socket.AF_INET),
    "inet6": lambda: socket.socket(socket.AF_INET6),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "vsock": lambda: socket.socket(socket.AF_VSOCK),
    "socketpair": socket.socketpair,
    "fork": _fork,
    "vfork": lambda: _syscall(58),
    "clone3": lambda: _syscall(435, b"\0" * 88, 88),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "execveat": lambda: _syscall(322, -100, b"/bin/true", None, None, 0),
    "ptrace": lambda: _syscall(101, 16, os.getppid(), 0, 0),
    "process_vm_readv": lambda: _syscall(310, os.getppid(), 0, 0, 0, 0, 0),
    "pidfd_open": lambda: _syscall(434, os.getppid(), 0),
    "kill": lambda: os.kill(os.getppid(), 9),
    "tgkill": lambda: _syscall(234, os.getppid(), os.getppid(), 9),
    "io_uring": lambda: _syscall(425, 8, b"\0" * 120),
    "bpf": lambda: _syscall(321, 0, b"\0" * 64, 64),
    "userfaultfd": lambda: _syscall(323, 0),
    "keyctl": lambda: _syscall(250, 0, 0, 0, 0, 0),
    "unshare": lambda: _syscall(272, 0x10000000),
    "mount": lambda: _syscall(165, b"x", b"/", b"tmpfs", 0, 0),
    "setuid": lambda: os.setuid(0),
    "prctl": lambda: _syscall(157, 4, 1, 0, 0, 0),
    "second filter": lambda: _syscall(317, 1, 0, b"\0" * 16),
    "raise limit": lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    ),
    "executable memory": lambda: mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ),
    "terminal": lambda: _syscall(16, 0, 0x5412, b"x"),
    "write to the input": lambda: os.write(3, b"x"),
    "truncate the input": lambda: os.ftruncate(3, 0),
}


def _attempt(fd, size, arguments):
    return Result({"outcome": _attempted(ATTEMPTS[arguments["attempt"]])})


def _inventory(fd, size, arguments):
    """What the process can see of itself: files, environment, user."""
    files = []
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        files.append(number)
    return Result({"files": files, "environment": dict(os.environ), "uid": os.getuid()})


def _thread(fd, size, arguments):
    out = []
    thread = threading.Thread(target=lambda: out.append(1))
    thread.start()
    thread.join()
    return Result({"outcome": "ran" if out else "did not run"})


def _spin(fd, size, arguments):
    while True:
        pass


def _allocate(fd, size, arguments):
    return Result({"outcome": len(bytearray(4 << 30))})


def _grow(fd, size, arguments):
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def _flood(fd, size, arguments):
    while True:
        os.write(4, b"x" * 65536)


def _say(fd, size, arguments):
    os.write(4, io.FileIO(fd, closefd=False).read())
    os._exit(0)


def _sleep(fd, size, arguments):
    time.sleep(arguments.get("seconds", 3600))
    return Result({"outcome": "slept"})


def _segfault(fd, size, arguments):
    ctypes.string_at(8)


def _abort(fd, size, arguments):
    os.abort()


def _exit(fd, size, arguments):
    os._exit(0)


def _mistake(fd, size, arguments):
    return {}["private words"]


def _unreadable(fd, size, arguments):
    raise ValueError("private words")


OPERATIONS = {
    "attempt": _attempt,
    "inventory": _inventory,
    "thread": _thread,
    "spin": _spin,
    "allocate": _allocate,
    "grow": _grow,
    "flood": _flood,
    "say": _say,
    "sleep": _sleep,
    "segfault": _segfault,
    "abort": _abort,
    "exit": _exit,
    "mistake": _mistake,
    "unreadable": _unreadable,
}
