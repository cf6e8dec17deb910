"""What the files of a bundle hold, whatever their names say; looked at once, before they are used.

``verify_bundle`` says that files are those of the manifest; this says that they are harmless. No
file is loaded by the library it is for.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

from retrieval.encoders import strict_json
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import Manifest
from retrieval.encoders.no_code import modules_check, settings_check
from retrieval.encoders.safetensors_form import safetensors_check

# tokenizer.json and vocab.json list a vocabulary; all other JSON is settings.
_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json"})
_MOST_SETTINGS_BYTES = 4 * 1024 * 1024
_MOST_TEXT_BYTES = 64 * 1024 * 1024
_HEAD_BYTES = 8
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")
# First bytes of what can be run or unpickled: pickle protocols 2 to 5 (Lib/pickle.py), zip (which
# torch.save writes), gzip, ELF, Mach-O, Windows programs, WebAssembly, scripts, HDF5, NumPy.
_MAGIC = (
    (b"PK\x03\x04", "an archive, as torch.save writes them"),
    (b"PK\x05\x06", "an archive"),
    (b"\x1f\x8b", "compressed"),
    (b"\x7fELF", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"MZ", "a program"),
    (b"\0asm", "a program"),
    (b"#!", "a script"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
)
_PROTO = 0x80
_PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
# After PROTO comes FRAME, or an opcode that begins a container or names a module (pickletools).
_NEXT = tuple(bytes([opcode]) for opcode in b"\x95}](c)X\x8c\x8aNUK")
# Protocols 0 and 1 begin with nothing of their own: only a pickle that names something and calls it
# is told from a text.
_NAMES_A_CALL = frozenset({"GLOBAL", "INST", "STACK_GLOBAL"})
_CALLS = frozenset({"REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"})


def contents_check(folder: Path, manifest: Manifest) -> None:
    """Nothing, if every file of a bundle is of the kind its name says and leads to no code.

    Raises:
        BundleError: one is not; ``code`` and ``reason`` say what was found.
    """
    for name in manifest.files:
        file_check(folder / name)


def file_check(path: Path) -> None:
    """Nothing, if the file holds what its name says, and nothing that leads to code.

    Raises:
        BundleError: it does not.
    """
    _magic_check(path)
    if path.suffix == ".safetensors":
        safetensors_check(path)
    elif path.suffix == ".json":
        _json_check(path)
    else:
        _text_check(path)


def _magic_check(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for magic, kind in _MAGIC:
        # A safetensors file begins with a length, which may spell anything short.
        if head.startswith(magic) and (path.suffix != ".safetensors" or len(magic) > len(b"MZ")):
            raise BundleError("disguised", f"A {path.suffix} file of the bundle is {kind}.")
    if _is_pickle(head) and not _is_safetensors(head):
        raise BundleError("pickle", f"A {path.suffix} file of the bundle is a pickle.")
    # An archive is read from its end, so it may follow anything.
    if zipfile.is_zipfile(path):
        raise BundleError("disguised", f"A {path.suffix} file of the bundle ends in an archive.")


def _is_pickle(head: bytes) -> bool:
    first, rest = head[:1], head[1:]
    return first == bytes([_PROTO]) and rest[:1] in _PROTOCOLS and rest[1:2] in _NEXT


def _is_safetensors(head: bytes) -> bool:
    return head[4:] == b"\0\0\0\0"  # a header below 4 GB


def _json_check(path: Path) -> None:
    most = strict_json.MOST_BYTES if path.name in _VOCABULARIES else _MOST_SETTINGS_BYTES
    with path.open("rb") as file:
        data = file.read(most + 1)
    _call_check(path, data)
    try:
        parsed = strict_json.loads(data, most_bytes=most)
    except strict_json.JsonRefused as error:
        raise BundleError("bad-json", f"{path.name} cannot be used: {error}.") from None
    if path.name == "modules.json":
        modules_check(parsed)
    if path.name != "vocab.json":  # its keys are words, not settings
        settings_check(parsed)


def _text_check(path: Path) -> None:
    if path.stat().st_size > _MOST_TEXT_BYTES:
        raise BundleError("bad-text", f"{path.name} is too large for a text.")
    data = path.read_bytes()
    _call_check(path, data)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError("bad-text", f"{path.name} is not a text.") from None
    if _CONTROLS & set(data):
        raise BundleError("bad-text", f"{path.name} is not a text.")


def _call_check(path: Path, data: bytes) -> None:
    seen: set[str] = set()
    try:
        for opcode, _, _ in pickletools.genops(data):
            seen.add(opcode.name)
    except (ValueError, UnicodeDecodeError, IndexError, OverflowError):
        return  # no pickle: those are read to their STOP
    if seen & _NAMES_A_CALL and seen & _CALLS:
        raise BundleError("pickle", f"A {path.suffix} file of the bundle is a pickle.")
