"""Word documents (ISO/IEC 29500): the text of the body and the notes, headings marked."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from lxml import etree

from workers.sandbox.child import Result
from workers.sandbox.decoders.plain import answer, tidy
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

_MAX_MEMBERS: Final = 10_000
_MAX_UNPACKED: Final = 512 * 1024 * 1024
_MAX_PART: Final = 128 * 1024 * 1024
_MAX_RATIO: Final = 200
"""XML packs 10 to 30 fold in ordinary documents; a bomb packs about 1,000 fold."""
_RATIO_FROM: Final = 1024 * 1024
_ENCRYPTED_FLAG: Final = 0x1

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT: Final = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_TRANSITIONAL: Final = _W[1:-1]
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MAIN: Final = "word/document.xml"
_NOTES: Final = ("word/footnotes.xml", "word/endnotes.xml")
_HEADING_NAME: Final = re.compile(r"heading ([1-6])$", re.IGNORECASE)
_DOCTYPE: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_SKIPPED: Final = frozenset(
    (f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText", f"{_W}pPr", _FALLBACK)
)
_MEDIA: Final = "word/media/"
_SEPARATOR_NOTES: Final = ("separator", "continuationSeparator", "continuationNotice")


def _check_archive(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > _MAX_MEMBERS:
        raise Refusal("archive-bomb")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > _MAX_UNPACKED or (unpacked > _RATIO_FROM and unpacked > _MAX_RATIO * packed):
        raise Refusal("archive-bomb")
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in members):
        raise Refusal("password-protected")


def _part(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """The root of an XML part; None if it is not there.

    Raises:
        Refusal: archive-bomb, or forbidden-xml for a document type or entity declaration.
    """
    try:
        member = archive.open(name)
    except KeyError:
        return None
    with member:
        # The directory may lie about sizes: what comes out is what counts.
        data = member.read(_MAX_PART + 1)
    if len(data) > _MAX_PART:
        raise Refusal("archive-bomb")
    # OOXML is UTF-8 or UTF-16 (ISO/IEC 29500-2 8.1.4); NULs out, a declaration shows in both.
    if _DOCTYPE.search(data.replace(b"\x00", b"")):
        raise Refusal("forbidden-xml")
    data = data.replace(_STRICT.encode(), _TRANSITIONAL.encode())
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    return etree.fromstring(data, parser)


def _heading_levels(styles: etree._Element | None) -> dict[str, int]:
    """Heading level by style id: from the name, which Word keeps in English, or the outline."""
    levels: dict[str, int] = {}
    for style in styles.iter(f"{_W}style") if styles is not None else ():
        identifier = style.get(f"{_W}styleId", "")
        name = style.find(f"{_W}name")
        match = _HEADING_NAME.match(name.get(f"{_W}val", "")) if name is not None else None
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        if match:
            levels[identifier] = int(match.group(1))
        elif name is not None and name.get(f"{_W}val", "").lower() == "title":
            levels[identifier] = 1
        elif outline is not None and outline.get(f"{_W}val", "9") in "012345":
            levels[identifier] = int(outline.get(f"{_W}val", "0")) + 1
    return levels


def _is_hidden(run: etree._Element) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and vanish.get(f"{_W}val", "1") not in ("0", "false")


class _Reader:
    """Walks a part without recursion, in document order."""

    def __init__(self, levels: Mapping[str, int]) -> None:
        self.found: set[str] = set()
        self._levels = levels
        self._parts: list[str] = []

    def text(self, root: etree._Element) -> str:
        self._parts = []
        stack: list[tuple[etree._Element, Iterator[etree._Element]]] = [(root, iter(root))]
        while stack:
            element, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                self._leave(element)
            elif isinstance(child.tag, str) and self._enter(child):
                stack.append((child, iter(child)))
        return "".join(self._parts)

    def _enter(self, element: etree._Element) -> bool:
        tag = element.tag
        if tag in _SKIPPED:
            if tag in (f"{_W}del", f"{_W}moveFrom"):
                self.found.add("tracked-changes")
            return False
        if tag == f"{_W}r" and _is_hidden(element):
            self.found.add("hidden-text")
            return False
        if tag in (f"{_W}footnote", f"{_W}endnote"):
            return element.get(f"{_W}type") not in _SEPARATOR_NOTES
        if tag == f"{_W}p":
            style = element.find(f"{_W}pPr/{_W}pStyle")
            level = self._levels.get(style.get(f"{_W}val", ""), 0) if style is not None else 0
            self._parts.append("\n" + "#" * level + " " if level else "")
        elif tag == f"{_W}t":
            self._parts.append(element.text or "")
        elif tag == f"{_W}tab":
            self._parts.append("\t")
        elif tag in (f"{_W}br", f"{_W}cr"):
            self._parts.append("\n")
        elif tag == f"{_W}noBreakHyphen":
            self._parts.append("-")
        return True

    def _leave(self, element: etree._Element) -> None:
        if element.tag in (f"{_W}p", f"{_W}tr"):
            self._parts.append("\n")


_EMPTY_HEADING: Final = re.compile(r"^#{1,6} *$", re.MULTILINE)


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The text of a .docx file, as one page without a number (Word files know no pages)."""
    del size
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise Refusal("truncated") from None
    sheets = 0
    with archive:
        names = set(archive.namelist())
        if _MAIN not in names:
            raise Refusal("unknown-type")
        _check_archive(archive)
        sheets = len(docx_pictures(archive))
        try:
            texts, reader = _read(archive)
        except (zipfile.BadZipFile, etree.XMLSyntaxError, EOFError):
            raise Refusal("damaged") from None
    if "docProps/core.xml" in names or "docProps/app.xml" in names:
        reader.found.add("document-properties")
    if "word/comments.xml" in names:
        reader.found.add("comments")
    text = tidy(_EMPTY_HEADING.sub("", "\n\n".join(texts)))
    steps = [("extract text", "docx")]
    return answer(
        [text], arguments, metadata=sorted(reader.found), steps=steps, sheets=[0] * sheets
    )


def docx_pictures(archive: zipfile.ZipFile) -> list[str]:
    """Names of the pictures in a Word file, in the archive's order."""
    return [name for name in archive.namelist() if name.startswith(_MEDIA) and name != _MEDIA]


def _read(archive: zipfile.ZipFile) -> tuple[list[str], _Reader]:
    reader = _Reader(_heading_levels(_part(archive, "word/styles.xml")))
    texts = []
    for name in (_MAIN, *_NOTES):
        root = _part(archive, name)
        if root is not None:
            texts.append(reader.text(root))
    return texts, reader


def warm_up() -> None:
    """Loads what unpacking loads late."""
    zipfile._get_decompressor(zipfile.ZIP_DEFLATED)  # type: ignore[attr-defined]  # noqa: SLF001 - imports zlib
    "x".encode("cp437")
    etree.fromstring(b"<x/>", etree.XMLParser(resolve_entities=False))
