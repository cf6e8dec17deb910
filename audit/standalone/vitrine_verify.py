#!/usr/bin/env python3
"""Checks what a Vitrine appliance handed over, on any machine and without the appliance.

    vitrine_verify.py ledger EXPORT [--checkpoints FILE|FOLDER]... [--key PEM]... [--json]
    vitrine_verify.py receipt FILE --key PEM
    vitrine_verify.py proof FILE --key PEM
    vitrine_verify.py consistency OLD NEW --key PEM

Needs Python 3.9 or newer and, for signatures, the package ``cryptography``. Shares no code with the
appliance. Exit status: 0 all holds, 1 something does not, 2 the input cannot be used.

An entry's hash is SHA-256 over its RFC 8785 canonical JSON without ``hash``; ``prev`` is the hash
of the entry before (zeros in entry 1). A checkpoint's root is the Merkle tree hash (RFC 6962) over
the entries' hashes. Signatures are Ed25519 over ``vitrine/<purpose>/1``, a line feed and the
canonical JSON of the document without ``signature``.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any, Dict, Iterable

Doc = Dict[str, Any]
ZEROS = "0" * 64
ROTATION = "audit:signing-key:rotate"
LINE_EXTRA = len(',"hash":""') + 64
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Unusable(Exception):
    """The input is not what was asked for."""


# Canonical JSON (RFC 8785) and signatures


def canonical(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(quoted(key) + ":" + canonical(value[key]) for key in keys) + "}"


def number(value: float) -> str:
    """As ECMAScript writes it (ECMA-262, Number::toString)."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("JSON has no such number")
    sign = "-" if value < 0 else ""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    exponent = f"{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + "e" + exponent


class Keys:
    """Public keys that are trusted, by name, and those that they vouch for."""

    def __init__(self, files: list[str]) -> None:
        self.known: dict[str, Any] = {}
        for file in files:
            found = self.read(Path(file).read_bytes())
            if not found:
                raise Unusable(f"{file} holds no Ed25519 public key (PEM)")
            self.known.update(found)

    @staticmethod
    def read(text: bytes) -> dict[str, Any]:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            keys = [load_pem_public_key(block) for block in PEM.findall(text)]
        except ValueError:
            return {}
        if not all(isinstance(key, Ed25519PublicKey) for key in keys):
            return {}
        return {sha256(key.public_bytes_raw()).hexdigest()[:32]: key for key in keys}

    def flaw(self, document: Doc, purpose: str = "", keys: Doc | None = None) -> str:
        """Why the document's signature does not hold; empty where it does."""
        from cryptography.exceptions import InvalidSignature

        mark = document.get("signature")
        if not isinstance(mark, dict):
            return "it carries no signature"
        body = {key: value for key, value in document.items() if key != "signature"}
        said = mark.get("purpose", purpose)
        if purpose and said != purpose:
            return "it was signed for another purpose"
        if mark.get("alg") != "Ed25519" or not re.fullmatch("[a-z][a-z0-9-]{0,63}", str(said)):
            return "its signature is of an unknown form"
        key = (self.known if keys is None else keys).get(mark.get("key_id"))
        if key is None:
            return "signed with a key that is not known"
        try:
            signed = base64.b64decode(mark["signature"], validate=True)
            key.verify(signed, f"vitrine/{said}/1\n{canonical(body)}".encode())
        except (InvalidSignature, KeyError, TypeError, ValueError):
            return "its signature does not hold"
        return ""

    def vouched(self, statements: list[str]) -> None:
        """Adds keys by statements that both the old and the new key have signed."""
        pairs = []
        for said in statements:
            try:
                one = json.loads(said)
                marks = one.pop("signatures")
                pair = self.read(f"{one['old']}\n{one['new']}".encode())
                signed = {
                    mark["key_id"]
                    for mark in marks
                    if not self.flaw({**one, "signature": mark}, "key-rotation", pair)
                }
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            if len(pair) == 2 and signed == set(pair):
                pairs.append(pair)
        for _ in pairs:
            for pair in pairs:
                if pair.keys() & self.known.keys():
                    self.known.update(pair)


# The Merkle tree (RFC 6962) and its proofs (RFC 9162)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


class Tree:
    """Grows by one entry's hash at a time; leaves are folded 1,024 at once, which is quicker."""

    def __init__(self) -> None:
        self.block: list[bytes] = []
        self.peaks: list[tuple[int, bytes]] = []

    def add(self, data: bytes) -> None:
        self.block.append(data)
        if len(self.block) == 1024:
            digest, level = self.fold(), 0
            self.block.clear()
            while self.peaks and self.peaks[-1][0] == level:
                digest, level = node(self.peaks.pop()[1], digest), level + 1
            self.peaks.append((level, digest))

    def fold(self) -> bytes:
        level = [sha256(b"\x00" + one).digest() for one in self.block]
        while len(level) > 1:
            it = iter(level)
            odd = level[-1:] if len(level) % 2 else []
            level = [sha256(b"\x01" + a + b).digest() for a, b in zip(it, it)] + odd
        return level[0]

    def root(self) -> bytes:
        right = self.fold() if self.block else None
        for _, peak in reversed(self.peaks):
            right = peak if right is None else node(peak, right)
        return sha256(b"").digest() if right is None else right


def climbed(
    number: int, last: int, path: list[bytes], starts: tuple[bytes, ...]
) -> tuple[bytes, ...] | None:
    """Follows a path upwards; ``starts`` are hashes that get a neighbour to the left, and the last
    of them also one to the right. None where the path has not the right length."""
    hashes = list(starts)
    for one in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            hashes = [node(one, digest) for digest in hashes]
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            hashes[-1] = node(hashes[-1], one)
        number, last = number >> 1, last >> 1
    return tuple(hashes) if last == 0 else None


def included(data: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    return 0 <= index < size and climbed(index, size - 1, path, (leaf(data),)) == (root,)


def consistent(first: int, old: bytes, second: int, new: bytes, path: list[bytes]) -> bool:
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and old == new
    hashes = [old, *path] if first & (first - 1) == 0 else list(path)
    if not hashes:
        return False
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    return climbed(number, last, hashes[1:], (hashes[0], hashes[0])) == (old, new)


# The chain


def entry_form(row: Doc) -> str:
    """What is hashed. Raises TypeError, KeyError or AttributeError where a type is not right."""
    refs = ",".join(
        quoted(key) + ":" + (quoted(value) if isinstance(value, str) else listed(value))
        for key, value in sorted(row["refs"].items())
    )
    actor = "null" if row["actor"] is None else quoted(row["actor"])
    return (
        f'{{"actor":{actor},"at":{quoted(row["at"])},"event":{quoted(row["event"])},'
        f'"payload":{quoted(row["payload"])},"prev":{quoted(row["prev"])},"refs":{{{refs}}},'
        f'"seq":{row["seq"]}}}'
    )


def listed(values: Any) -> str:
    if not isinstance(values, list):
        raise TypeError
    return "[" + ",".join(map(quoted, values)) + "]"


class Ledger:
    """One pass over an export."""

    def __init__(self, held: list[Doc]) -> None:
        self.held: dict[
            int, list[Doc]
        ] = {}  # size → documents that claim something about the first so many entries
        self.claims(held)
        self.seq, self.head, self.tree = 0, ZEROS, Tree()
        self.fault: tuple[int, str] | None = None
        self.header: Doc | None = None
        self.rotations: list[str] = []
        self.latest, self.late = "", 0
        self.most: tuple[float, int | None] = (0.0, None)
        self.wrong: list[tuple[int, str, Doc]] = []

    def claims(self, documents: list[Doc]) -> None:
        for one in documents:
            self.held.setdefault(one["tree_size"], []).append(one)
            if one.get("previous"):
                before = {**one["previous"], "said_by": one}
                self.held.setdefault(before["tree_size"], []).append(before)

    def read(self, lines: Iterable[bytes]) -> None:
        loads = json.loads
        for line in lines:
            try:
                row = loads(line)
                if "seq" not in row:
                    self.aside(row)
                    continue
            except (ValueError, TypeError, KeyError):
                self.fault = (self.seq + 1, "its line cannot be read")
                return
            reason = self.flaw(row, line)
            if reason:
                seq = row["seq"] if type(row["seq"]) is int else self.seq + 1
                self.fault = (min(seq, self.seq + 1), reason)
                return
            self.seq, self.head = row["seq"], row["hash"]
            self.tree.add(bytes.fromhex(self.head))
            self.clock(row["at"])
            if row["event"] == ROTATION:
                self.rotations.append(row["payload"])
            if self.seq in self.held:
                self.compare()

    def aside(self, row: Doc) -> None:
        """A line of an export that is no entry."""
        if "checkpoint" in row:
            self.claims([{**row["checkpoint"], "carried": True}])
        elif row.get("type") == "vitrine-ledger-export":
            self.header = row
        elif "public_key" not in row:
            raise ValueError

    def flaw(self, row: Doc, line: bytes) -> str:
        if row["seq"] != self.seq + 1:
            return "missing" if row["seq"] > self.seq + 1 else "out of order"
        if row.get("prev") != self.head:
            return "it does not follow from the entry before it"
        try:
            form = entry_form(row).encode()
        except (TypeError, KeyError, AttributeError, ValueError):
            return "its fields do not match its hash"
        if sha256(form).hexdigest() != row.get("hash") or not TIME.fullmatch(row["at"]):
            return "its fields do not match its hash"
        if len(line.rstrip(b"\r\n")) != len(form) + LINE_EXTRA:
            return "its line says more than what is hashed"
        return ""

    def clock(self, at: str) -> None:
        if at > self.latest:
            self.latest = at
        elif at < self.latest:
            self.late += 1
            moment = [datetime.strptime(one, "%Y-%m-%dT%H:%M:%S.%fZ") for one in (self.latest, at)]
            behind = (moment[0] - moment[1]).total_seconds()
            self.most = max(self.most, (behind, self.seq), key=lambda one: one[0])

    def compare(self) -> None:
        root = self.tree.root().hex()
        for one in self.held[self.seq]:
            if one.get("head_hash", self.head) != self.head:
                self.wrong.append((self.seq, "it is not the entry that a checkpoint knows", one))
            elif one.get("root", root) != root:
                self.wrong.append(
                    (self.seq, "its tree is not the one that a checkpoint knows", one)
                )

    def judged(self, keys: Keys | None) -> Doc:
        """The verdict, once it is known whose signatures hold."""
        if keys:
            keys.vouched(self.rotations)
        bad: list[Doc] = []
        good: set[int] = set()
        signed = carried = 0
        documents = [one for some in self.held.values() for one in some if "said_by" not in one]
        for one in documents:
            plain = {k: v for k, v in one.items() if k not in ("carried", "bare")}
            why = keys.flaw(plain, "checkpoint") if keys and not one.get("bare") else ""
            if why:
                bad.append({"size": one["tree_size"], "reason": why})
                continue
            good.add(id(one))
            signed += bool(keys) and not one.get("bare")
            carried += one.get("carried", False)
        sizes = {one["tree_size"] for one in documents if id(one) in good}
        wrong = [one for one in self.wrong if id(one[2].get("said_by", one[2])) in good]
        fault = (*self.fault, self.fault[0]) if self.fault else None
        if wrong and (fault is None or wrong[0][0] < fault[0]):
            agreed = [s for s in self.held if s < wrong[0][0] and self.counts(s, good)]
            since = max(agreed, default=0) + 1
            more = f"; the first change lies in entries {since} to {wrong[0][0]}"
            fault = (wrong[0][0], wrong[0][1] + (more if since < wrong[0][0] else ""), since)
        ends = self.header["last_seq"] if self.header else 0
        if fault is None and max(sizes, default=0) > self.seq:
            reason = (
                f"missing: a checkpoint knows entry {max(sizes)}, the ledger ends at {self.seq}"
            )
            fault = (self.seq + 1, reason, self.seq + 1)
        if fault is None and ends > self.seq:
            fault = (self.seq + 1, f"missing: the export says it ends at {ends}", self.seq + 1)
        if fault is None and self.header and self.header["head_hash"] != self.head:
            fault = (self.seq, "it is not the entry that the export says it ends with", 1)
        flaw = keys.flaw(self.header, "ledger-export") if keys and self.header else ""
        if flaw:
            bad.append({"size": ends, "reason": f"the export's first line: {flaw}"})
        holding = self.seq if fault is None else min(self.seq, fault[0] - 1)
        return {
            "ok": fault is None and not bad,
            "entries": holding,
            "head_seq": self.seq,
            "head_hash": self.head,
            "first_bad": fault[0] if fault else None,
            "reason": fault[1] if fault else "",
            "since": fault[2] if fault else None,
            "checkpoints": {"agree": len(sizes), "signed": signed, "carried": carried, "bad": bad},
            "backwards": {"entries": self.late, "most_seconds": self.most[0], "at": self.most[1]},
        }

    def counts(self, size: int, good: set[int]) -> bool:
        return any(id(one.get("said_by", one)) in good for one in self.held[size])


def held_in(path: Path) -> list[Doc]:
    """Checkpoints in a file, or in all ``*.json`` and ``*.jsonl`` files below a folder."""
    found: list[Doc] = []
    for file in sorted(path.rglob("*.json*")) if path.is_dir() else [path]:
        text = file.read_text(encoding="utf-8")
        try:
            whole = json.loads(text)
            rows = whole if isinstance(whole, list) else [whole]
        except ValueError:
            try:
                rows = [json.loads(line) for line in text.splitlines() if line.strip()]
            except ValueError:
                raise Unusable(f"{file} holds a line that is no checkpoint") from None
        for row in rows:
            found += documents_of(row, file)
    if not found:
        raise Unusable(f"{path} holds no checkpoint")
    return found


def documents_of(row: Any, file: Path) -> list[Doc]:
    if isinstance(row, dict):
        parts = [row, *(row.get(name) for name in ("checkpoint", "first", "second"))]
        found = [one for one in parts if isinstance(one, dict) and "tree_size" in one]
        if found and all(type(one["tree_size"]) is int for one in found):
            return found
        if type(row.get("seq")) is int and re.fullmatch("[0-9a-f]{64}", str(row.get("hash"))):
            bare = {"tree_size": row["seq"], "head_hash": row["hash"], "bare": True}
            return [] if "prev" in row else [bare]
        if row.get("type") == "vitrine-ledger-export" or "public_key" in row:
            return []
    raise Unusable(f"{file} holds a line that is no checkpoint")


# Commands


def ledger(options: argparse.Namespace) -> int:
    held = [one for path in options.checkpoints for one in held_in(Path(path))]
    keys = Keys(options.key) if options.key else None
    found = Ledger(held)
    with sys.stdin.buffer if options.file == "-" else open(options.file, "rb") as lines:
        found.read(lines)
    verdict = found.judged(keys)
    verdict["elsewhere"] = len({one["tree_size"] for one in held})
    print(json.dumps(verdict) if options.json else told(verdict, bool(keys)))
    return 0 if verdict["ok"] else 1


def told(verdict: Doc, keys: bool) -> str:
    marks, late = verdict["checkpoints"], verdict["backwards"]
    lines = [f"bad checkpoint of {one['size']} entries: {one['reason']}" for one in marks["bad"]]
    if verdict["first_bad"] is not None:
        lines.insert(0, f"first bad sequence number: {verdict['first_bad']}")
        lines.insert(1, f"why: {verdict['reason']}")
        lines.insert(2, f"{verdict['entries']} entries before it hold")
        return "\n".join(lines)
    lines.append(f"{verdict['entries']} entries verified; all hold")
    lines.append(f"head: {verdict['head_seq']} {verdict['head_hash']}")
    lines.append(
        f"{marks['agree']} checkpoints agree: {verdict['elsewhere']} kept elsewhere, "
        f"{marks['carried']} from the export; {marks['signed']} signatures hold"
    )
    if not keys:
        lines.append("signatures were not checked: name the public key with --key")
    if not verdict["elsewhere"]:
        lines.append(
            "A cut tail or a chain replaced as a whole shows only against a checkpoint kept "
            "elsewhere (--checkpoints)."
        )
    if late["entries"]:
        lines.append(
            f"notice: {late['entries']} entries have an earlier time than one before them, at most "
            f"{late['most_seconds']:.3f} s (entry {late['at']})"
        )
    return "\n".join(lines)


def loaded(path: str) -> Doc:
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    said = json.loads(text)
    if not isinstance(said, dict):
        raise Unusable(f"{path} holds no document")
    return said


def proof_flaw(proof: Doc, keys: Keys) -> str:
    """Why a proof that an entry is in the ledger does not hold; empty where it does."""
    try:
        entry, way, checkpoint = proof["entry"], proof["inclusion"], proof["checkpoint"]
        digest = sha256(entry_form(entry).encode()).hexdigest()
        if digest != entry["hash"]:
            return "the entry's fields do not match its hash"
        flaw = keys.flaw(checkpoint, "checkpoint")
        if flaw:
            return f"the checkpoint: {flaw}"
        if (way["leaf_index"], way["tree_size"]) != (entry["seq"] - 1, checkpoint["tree_size"]):
            return "the way is that of another entry or checkpoint"
        path = [bytes.fromhex(one) for one in way["path"]]
        root = bytes.fromhex(checkpoint["root"])
        held = included(bytes.fromhex(digest), way["leaf_index"], way["tree_size"], path, root)
    except (KeyError, TypeError, ValueError, AttributeError):
        return "it is malformed"
    return "" if held else "the entry is not in the tree of that checkpoint"


def proofs_in(said: Any) -> list[Doc]:
    if isinstance(said, list):
        return [proof for one in said for proof in proofs_in(one)]
    if not isinstance(said, dict):
        return []
    if {"entry", "inclusion", "checkpoint"} <= said.keys():
        return [said]
    return [proof for one in said.values() for proof in proofs_in(one)]


def receipt(options: argparse.Namespace) -> int:
    document, keys = loaded(options.file), Keys(options.key)
    flaw = keys.flaw(document)
    if flaw:
        print(f"the document does not hold: {flaw}")
        return 1
    mark = document["signature"]
    print(f"the signature holds: {mark.get('purpose')}, by key {mark['key_id']}")
    return proofs(proofs_in(document), keys)


def proof(options: argparse.Namespace) -> int:
    found = proofs_in(loaded(options.file))
    if not found:
        raise Unusable("there is no proof in it")
    return proofs(found, Keys(options.key))


def proofs(found: list[Doc], keys: Keys) -> int:
    for one in found:
        flaw = proof_flaw(one, keys)
        if flaw:
            print(f"a ledger proof does not hold: {flaw}")
            return 1
        entry, size = one["entry"], one["checkpoint"]["tree_size"]
        print(f"entry {entry['seq']} ({entry['event']}, {entry['at']}) is in the ledger")
        print(f"  by the checkpoint of {size} entries, signed {one['checkpoint']['signed_at']}")
    return 0


def consistency(options: argparse.Namespace) -> int:
    old, new, keys = loaded(options.old), loaded(options.new), Keys(options.key)
    held = old.get("second", old)
    try:
        first, second = new["first"], new["second"]
        for one in (held, first, second):
            flaw = keys.flaw(one, "checkpoint")
            if flaw:
                print(f"the checkpoint of {one.get('tree_size')} entries does not hold: {flaw}")
                return 1
        if (held["tree_size"], held["root"]) != (first["tree_size"], first["root"]):
            print("the proof begins with another checkpoint than the one you hold")
            return 1
        path = [bytes.fromhex(one) for one in new["path"]]
        sizes = first["tree_size"], second["tree_size"]
        roots = bytes.fromhex(first["root"]), bytes.fromhex(second["root"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unusable("NEW is an answer of audit/checkpoints/{id}/consistency/") from None
    if not consistent(sizes[0], roots[0], sizes[1], roots[1], path):
        print(f"the ledger of {sizes[1]} entries is NOT a continuation of that of {sizes[0]}")
        return 1
    print(f"the ledger of {sizes[1]} entries is a continuation of that of {sizes[0]}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, files in (
        ("ledger", ledger, ["file"]),
        ("receipt", receipt, ["file"]),
        ("proof", proof, ["file"]),
        ("consistency", consistency, ["old", "new"]),
    ):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for file in files:
            command.add_argument(file)
        command.add_argument("--key", action="append", default=[], required=name != "ledger")
        if name == "ledger":
            command.add_argument("--checkpoints", action="append", default=[])
            command.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except (Unusable, OSError, ValueError, ImportError, KeyError, TypeError) as error:
        print(f"cannot be used: {type(error).__name__}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
