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
import math
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
ZEROS = "0" * 64
ROTATION = "audit:signing-key:rotate"
HASH = b',"hash":"'
# An entry's line as the appliance writes it; any other is read as JSON, which takes longer.
LINE = re.compile(
    rb'\{"actor":(?:null|"[^"\\]*"),"at":"([^"\\]*)","event":"([^"\\]*)","hash":"([0-9a-f]{64})",'
    rb'"payload":"[^"\\]*(?:\\.[^"\\]*)*","prev":"([0-9a-f]{64})","refs":\{.*\},"seq":([0-9]+)\}\r?\n?'
)
PARTS = ("at", "event", "hash", "prev", "seq")
COMMA = ",".join
BLIND = (
    "A cut tail or a chain replaced as a whole shows only against a checkpoint kept elsewhere "
    "(--checkpoints)."
)
MALFORMED = (ValueError, TypeError, KeyError, AttributeError)
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Unusable(Exception):
    """The input is not what was asked for."""


def canonical(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return f"[{COMMA(map(canonical, value))}]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return f"{{{COMMA(quoted(key) + ':' + canonical(value[key]) for key in keys)}}}"


def number(value: float) -> str:
    """As ECMAScript writes it (ECMA-262, Number::toString)."""
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(abs(value))), "f")
        return ("-" if value < 0 else "") + text.removesuffix(".0")
    digits, _, power = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(power):+d}"


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
        known = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        return {sha256(key.public_bytes_raw()).hexdigest()[:32]: key for key in known}

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
        key = (self.known if keys is None else keys).get(str(mark.get("key_id")))
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
                body = json.loads(said)
                marks = body.pop("signatures")
                pair = self.read(f"{body['old']}\n{body['new']}".encode())
                flaws = [self.flaw({**body, "signature": m}, "key-rotation", pair) for m in marks]
                if not any(flaws) and {m["key_id"] for m in marks} == set(pair):
                    pairs.append(pair)
            except MALFORMED:
                continue
        for pair in pairs * len(pairs):
            if pair.keys() & self.known.keys():
                self.known.update(pair)


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962, section 2.1; a leaf has a 0 in the place of the 1."""
    return sha256(b"\x01" + left + right).digest()


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


def climbed(number: int, last: int, path: list[bytes], *starts: bytes) -> tuple[bytes, ...]:
    """Follows a path upwards (RFC 9162, 2.1.3.2 and 2.1.4.2); nothing if its length is not right.

    All of ``starts`` get neighbours to the left, the last of them also those to the right.
    """
    hashes = list(starts)
    for one in path:
        if last == 0:
            return ()
        if number & 1 or number == last:
            hashes = [node(one, digest) for digest in hashes]
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            hashes[-1] = node(hashes[-1], one)
        number, last = number >> 1, last >> 1
    return tuple(hashes) if last == 0 else ()


def consistent(first: int, old: bytes, second: int, new: bytes, path: list[bytes]) -> bool:
    if not 0 < first < second or not path:
        return first == second and old == new and not path
    hashes = [old, *path] if first & (first - 1) == 0 else path
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    return climbed(number, last, hashes[1:], hashes[0], hashes[0]) == (old, new)


def entry_form(row: Doc) -> str:
    """What is hashed; raises one of MALFORMED where a type is not right."""
    refs = ",".join(
        f"{quoted(key)}:{quoted(one) if isinstance(one, str) else f'[{COMMA(map(quoted, one))}]'}"
        for key, one in sorted(row["refs"].items())
    )
    actor = "null" if row["actor"] is None else quoted(row["actor"])
    return (
        f'{{"actor":{actor},"at":{quoted(row["at"])},"event":{quoted(row["event"])},'
        f'"payload":{quoted(row["payload"])},"prev":{quoted(row["prev"])},"refs":{{{refs}}},'
        f'"seq":{row["seq"]}}}'
    )


class Claim:
    """A checkpoint, and what it says of the first so many entries."""

    def __init__(self, document: Doc, carried: bool = False) -> None:
        self.document, self.carried = document, carried
        self.size: int = document["tree_size"]
        self.bare = "root" not in document  # a hash alone, believed for where it was kept
        self.said = {self.size: (document.get("head_hash"), document.get("root"))}
        before = document.get("previous")
        if before:
            self.said[before["tree_size"]] = (None, before["root"])
        self.wrong: list[tuple[int, str]] = []

    def compare(self, seq: int, head: str, root: str) -> None:
        hers, tree = self.said[seq]
        if hers not in (None, head):
            self.wrong.append((seq, "it is not the entry that a checkpoint knows"))
        elif tree not in (None, root):
            self.wrong.append((seq, "its tree is not the one that a checkpoint knows"))


class Ledger:
    """One pass over an export."""

    def __init__(self, claims: list[Claim]) -> None:
        self.claims = claims
        self.at: dict[int, list[Claim]] = {}
        for one in claims:
            self.expect(one)
        self.seq, self.head, self.tree = 0, ZEROS, Tree()
        self.fault: tuple[int, str, int] | None = None
        self.header: Doc | None = None
        self.rotations: list[str] = []
        self.latest, self.late = "", 0
        self.most = (0.0, 0)

    def expect(self, claim: Claim) -> None:
        for size in claim.said:
            self.at.setdefault(size, []).append(claim)

    def read(self, lines: Iterable[bytes]) -> None:
        loads = json.loads
        for line in lines:
            try:
                found = LINE.fullmatch(line)
                row: Doc = loads(line) if found is None else {}
                if found is not None:
                    row.update(zip(PARTS, map(bytes.decode, found.groups())), seq=int(found[5]))
                if "seq" not in row:
                    self.aside(row)
                    continue
                seq = row["seq"]
                reason = self.flaw(row, line)
            except MALFORMED:
                seq, reason = self.seq + 1, "its line cannot be read"
            if reason:
                bad = min(seq, self.seq + 1)
                self.fault = (bad, reason, bad)
                return
            self.seq, self.head = seq, row["hash"]
            self.tree.add(bytes.fromhex(self.head))
            self.clock(row["at"])
            if row["event"] == ROTATION:
                self.rotations.append(loads(line)["payload"])
            for claim in self.at.get(seq, ()):
                claim.compare(seq, self.head, self.tree.root().hex())

    def aside(self, row: Doc) -> None:
        """A line of an export that is no entry."""
        if "checkpoint" in row:
            self.claims.append(Claim(row["checkpoint"], carried=True))
            self.expect(self.claims[-1])
        elif row.get("type") == "vitrine-ledger-export":
            self.header = row
        elif "public_key" not in row:
            raise ValueError

    def flaw(self, row: Doc, line: bytes) -> str:
        if type(row["seq"]) is not int:
            raise TypeError
        if row["seq"] != self.seq + 1:
            return "missing" if row["seq"] > self.seq + 1 else "out of order"
        if row.get("prev") != self.head:
            return "it does not follow from the entry before it"
        # What was hashed is the line without its hash: anything more or other in it shows.
        cut = line.find(HASH)
        form = line[:cut] + line[cut + len(HASH) + 65 :].rstrip(b"\r\n")
        if cut < 0 or sha256(form).hexdigest() != row.get("hash") or not TIME.fullmatch(row["at"]):
            return "its fields do not match its hash"
        return ""

    def clock(self, at: str) -> None:
        if at < self.latest:
            then, now = (datetime.fromisoformat(one[:-1]) for one in (self.latest, at))
            seconds = (then - now).total_seconds()
            self.late, self.most = self.late + 1, max(self.most, (seconds, self.seq))
        else:
            self.latest = at

    def judged(self, keys: Keys | None) -> Doc:
        """The verdict, once it is known whose signatures hold."""
        bad, good = [], []
        if keys:
            keys.vouched(self.rotations)
        for one in self.claims:
            why = keys.flaw(one.document, "checkpoint") if keys and not one.bare else ""
            bad += [{"size": one.size, "reason": why}] if why else []
            good += [] if why else [one]
        fault = self.first_fault(good)
        ends = self.header["last_seq"] if self.header else 0
        flaw = keys.flaw(self.header, "ledger-export") if keys and self.header else ""
        if flaw:
            bad.append({"size": ends, "reason": f"the export's first line: {flaw}"})
        return {
            "ok": fault is None and not bad,
            "entries": min(self.seq, fault[0] - 1) if fault else self.seq,
            "head_seq": self.seq,
            "head_hash": self.head,
            "first_bad": fault[0] if fault else None,
            "reason": fault[1] if fault else "",
            "since": fault[2] if fault else None,
            "checkpoints": {
                "agree": len({one.size for one in good}),
                "signed": sum(not one.bare for one in good) if keys else 0,
                "carried": sum(one.carried for one in good),
                "bad": bad,
            },
            "backwards": {
                "entries": self.late,
                "most_seconds": self.most[0],
                "at": self.most[1] or None,
            },
            "elsewhere": len({one.size for one in good if not one.carried}),
        }

    def first_fault(self, good: list[Claim]) -> tuple[int, str, int] | None:
        """(number, why, from which number on): the chain's own, or what a checkpoint shows."""
        wrong = min((flaw for one in good for flaw in one.wrong[:1]), default=None)
        ends, following = max((one.size for one in good), default=0), self.seq + 1
        if self.fault is None and wrong is None and ends > self.seq:
            said = f"missing: a checkpoint knows entry {ends}, the ledger ends at {self.seq}"
            wrong = (following, said)
        if wrong and (self.fault is None or wrong[0] < self.fault[0]):
            seq, reason = wrong
            since = max((at for one in good for at in one.said if at < seq), default=0) + 1
            if since < seq:
                reason += f"; the first change lies in entries {since} to {seq}"
            return seq, reason, since
        header = self.header or {"last_seq": 0, "head_hash": self.head}
        if self.fault is None and header["last_seq"] > self.seq:
            said = f"missing: the export says it ends at entry {header['last_seq']}"
            return following, said, following
        if self.fault is None and header["head_hash"] != self.head:
            return self.seq, "it is not the entry that the export says it ends with", 1
        return self.fault


def held_in(path: Path) -> list[Claim]:
    """Checkpoints in a file, or in all ``*.json`` and ``*.jsonl`` files below a folder."""
    found: list[Claim] = []
    for file in sorted(path.rglob("*.json*")) if path.is_dir() else [path]:
        text = file.read_text(encoding="utf-8")
        try:
            whole = json.loads(text)
            page = whole.get("results") if isinstance(whole, dict) else whole
            rows = page if isinstance(page, list) else [whole]
            rows = [row.get("document", row) for row in rows]  # of the API's list
        except ValueError:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        for row in rows:
            found += claims_of(row)
    if not found:
        raise Unusable(f"{path} holds no checkpoint")
    return found


def claims_of(row: Doc) -> list[Claim]:
    parts = [row, *(row.get(name) for name in ("checkpoint", "first", "second"))]
    found = [Claim(one) for one in parts if isinstance(one, dict) and "tree_size" in one]
    if found or "public_key" in row or row.get("type") == "vitrine-ledger-export" or "prev" in row:
        return found
    if type(row["seq"]) is not int or not re.fullmatch("[0-9a-f]{64}", row["hash"]):
        raise Unusable("a line that is no checkpoint")
    return [Claim({"tree_size": row["seq"], "head_hash": row["hash"]})]


def ledger(options: argparse.Namespace) -> int:
    keys = Keys(options.key) if options.key else None
    found = Ledger([one for path in options.checkpoints for one in held_in(Path(path))])
    with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as lines:
        found.read(lines)
    verdict = found.judged(keys)
    print(json.dumps(verdict) if options.json else "\n".join(told(verdict, keys)))
    return 0 if verdict["ok"] else 1


def told(verdict: Doc, keys: Keys | None) -> list[str]:
    marks, late = verdict["checkpoints"], verdict["backwards"]
    bad = [f"bad checkpoint of {one['size']} entries: {one['reason']}" for one in marks["bad"]]
    if verdict["first_bad"] is not None:
        return [
            f"first bad sequence number: {verdict['first_bad']}",
            f"why: {verdict['reason']}",
            f"{verdict['entries']} entries before it hold",
            *bad,
        ]
    lines = [
        *bad,
        f"{verdict['entries']} entries verified; all hold",
        f"head: {verdict['head_seq']} {verdict['head_hash']}",
        (
            f"{marks['agree']} checkpoints agree: {verdict['elsewhere']} kept elsewhere, "
            f"{marks['carried']} from the export; {marks['signed']} signatures hold"
        ),
    ]
    if keys is None:
        lines.append("signatures were not checked: name the public key with --key")
    if not verdict["elsewhere"]:
        lines.append(BLIND)
    if late["entries"]:
        lines.append(
            f"notice: {late['entries']} entries have an earlier time than one before them, at most "
            f"{late['most_seconds']:.3f} s (entry {late['at']})"
        )
    return lines


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
        digest = sha256(entry_form(entry).encode())
        flaw = keys.flaw(checkpoint, "checkpoint")
        if flaw:
            return f"the checkpoint: {flaw}"
        index, size = entry["seq"] - 1, checkpoint["tree_size"]
        path = [bytes.fromhex(one) for one in way["path"]]
        leaf = sha256(b"\x00" + digest.digest()).digest()
        root = (bytes.fromhex(checkpoint["root"]),)
        same = (way["leaf_index"], way["tree_size"], entry["hash"])
        if same != (index, size, digest.hexdigest()):
            return "the entry, its hash and its way do not belong together"
        held = 0 <= index < size and climbed(index, size - 1, path, leaf) == root
    except MALFORMED:
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


def other_entry(document: Doc) -> bool:
    """Whether ``ledger`` proves an entry that names another document's digest."""
    proof = document.get("ledger")
    said = json.loads(proof["entry"]["payload"] or "{}") if isinstance(proof, dict) else {}
    body = {key: value for key, value in document.items() if key not in ("ledger", "signature")}
    return said.get("sha256") not in (None, sha256(canonical(body).encode()).hexdigest())


def receipt(options: argparse.Namespace) -> int:
    document, keys = loaded(options.file), Keys(options.key)
    if options.command == "receipt":
        flaw = keys.flaw(document)
        if flaw:
            print(f"the document does not hold: {flaw}")
            return 1
        mark = document["signature"]
        print(f"the signature holds: {mark.get('purpose')}, by key {mark['key_id']}")
        if other_entry(document):
            print("the ledger's entry is about another document")
            return 1
    elif not proofs_in(document):
        raise Unusable("there is no proof in it")
    return proofs(proofs_in(document), keys)


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
    except MALFORMED:
        raise Unusable("NEW is an answer of audit/checkpoints/{id}/consistency/") from None
    if not consistent(sizes[0], roots[0], sizes[1], roots[1], path):
        print(f"the ledger of {sizes[1]} entries is NOT a continuation of that of {sizes[0]}")
        return 1
    print(f"the ledger of {sizes[1]} entries is a continuation of that of {sizes[0]}")
    return 0


COMMANDS = {"ledger": ledger, "receipt": receipt, "proof": receipt, "consistency": consistency}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in COMMANDS.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for file in ("old", "new") if name == "consistency" else ("file",):
            command.add_argument(file)
        command.add_argument("--key", action="append", default=[], required=name != "ledger")
        if name == "ledger":
            command.add_argument("--checkpoints", action="append", default=[])
            command.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (Unusable, OSError, ImportError, *MALFORMED) as error:
        print(f"cannot be used: {type(error).__name__}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
