"""A seccomp filter as classic BPF, built from a small rule table.

Sources: Linux ``Documentation/userspace-api/seccomp_filter.rst`` and ``include/uapi/linux/
{seccomp,filter,bpf_common,audit}.h``. Only x86-64 is known; anything else is refused by `walls`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

AUDIT_ARCH_X86_64: Final = 0xC000003E
X32_SYSCALL_BIT: Final = 0x40000000

KILL_PROCESS: Final = 0x80000000
ALLOW: Final = 0x7FFF0000
ERRNO: Final = 0x00050000

_LD_W_ABS: Final = 0x20
_JEQ: Final = 0x15
_JGE: Final = 0x35
_AND: Final = 0x54
_RET: Final = 0x06

_OFFSET_NR: Final = 0
_OFFSET_ARCH: Final = 4
_OFFSET_ARGS: Final = 16


@dataclass(frozen=True, slots=True)
class Test:
    """Holds if ``args[index] & mask`` is one of `values`; low or high 32 bits of the argument."""

    index: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    high: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows syscall `number` if every test holds; a refusal answers EPERM."""

    number: int
    tests: tuple[Test, ...] = ()


def _instruction(code: int, k: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, jump_true, jump_false, k)


def _tests(test: Test, refuse: bytes) -> list[bytes]:
    offset = _OFFSET_ARGS + 8 * test.index + (4 if test.high else 0)
    out = [_instruction(_LD_W_ABS, offset), _instruction(_AND, test.mask)]
    left = len(test.values)
    for value in test.values:
        # A hit jumps over the other comparisons and the refusal; a miss falls to the next one.
        out.append(_instruction(_JEQ, value, jump_true=left))
        left -= 1
    out.append(refuse)
    return out


def program(
    rules: Iterable[Rule], *, refuse_errno: int, unknown_from: int, unknown_errno: int
) -> bytes:
    """BPF instructions: listed syscalls pass, others answer `refuse_errno`.

    Numbers from `unknown_from` on answer `unknown_errno` (ENOSYS), so that a newer C library falls
    back to older calls. A foreign architecture or the x32 ABI kills the process.
    """
    refuse = _instruction(_RET, ERRNO | refuse_errno)
    allow = _instruction(_RET, ALLOW)
    kill = _instruction(_RET, KILL_PROCESS)
    out = [
        _instruction(_LD_W_ABS, _OFFSET_ARCH),
        _instruction(_JEQ, AUDIT_ARCH_X86_64, jump_true=1),
        kill,
        _instruction(_LD_W_ABS, _OFFSET_NR),
        _instruction(_JGE, X32_SYSCALL_BIT, jump_false=1),
        kill,
    ]
    for rule in rules:
        body: list[bytes] = []
        for test in rule.tests:
            body += _tests(test, refuse)
        body.append(allow)
        out.append(_instruction(_JEQ, rule.number, jump_false=len(body)))
        out += body
    out.append(_instruction(_JGE, unknown_from, jump_false=1))
    out.append(_instruction(_RET, ERRNO | unknown_errno))
    out.append(refuse)
    return b"".join(out)
