"""HTML to the text a reader would see, headings marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import bs4
from bs4.element import Comment, NavigableString, PageElement, PreformattedString, Tag

from workers.sandbox.child import Result
from workers.sandbox.decoders.plain import answer, check_size, decode_bytes, tidy

VERSION: Final = "1"

_DROPPED: Final = frozenset(
    ("script", "style", "template", "noscript", "svg", "math", "iframe", "object", "embed", "meta",
     "link", "base", "canvas", "audio", "video", "select", "datalist")
)  # fmt: skip
_SCRIPTED: Final = frozenset(("script", "iframe", "object", "embed"))
_BLOCKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
     "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header",
     "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot",
     "thead", "tr", "ul", "option", "legend")
)  # fmt: skip
_CELLS: Final = ("td", "th")
_HEADINGS: Final = {"title": "# ", **{f"h{level}": "#" * level + " " for level in range(1, 7)}}
_INVISIBLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACES: Final = re.compile(r"[ \t\n\r\f]+")
_META_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([a-z0-9_-]{2,40})""", re.IGNORECASE
)
_CHARSETS: Final = {
    name: codec
    for names, codec in (
        ((b"utf-8", b"utf8"), "utf-8"),
        ((b"iso-8859-1", b"latin1", b"windows-1252", b"us-ascii", b"ascii"), "cp1252"),
        ((b"iso-8859-2",), "iso8859-2"),
        ((b"iso-8859-15",), "iso8859-15"),
        ((b"windows-1250",), "cp1250"),
        ((b"windows-1251",), "cp1251"),
        ((b"koi8-r",), "koi8-r"),
        ((b"shift_jis",), "cp932"),
        ((b"euc-jp",), "euc_jp"),
        ((b"gb2312", b"gbk", b"gb18030"), "gb18030"),
        ((b"big5",), "big5"),
        ((b"euc-kr",), "cp949"),
    )
    for name in names
}
"""The encodings of the WHATWG standard that pages still use, by the labels they use."""


def _characters(data: bytes) -> str:
    declared = _META_CHARSET.search(data[:2048])
    codec = _CHARSETS.get(declared.group(1).lower()) if declared else None
    if codec is not None and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return data.decode(codec, "replace")
    return decode_bytes(data)


def _is_hidden(tag: Tag) -> bool:
    if tag.has_attr("hidden"):
        return True
    style = tag.get("style")
    return isinstance(style, str) and _INVISIBLE.search(style) is not None


class _Reader:
    """Walks the tree without recursion: pages may be nested deeper than Python's stack."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._parts: list[str] = []
        self._preformatted = 0
        self._newlines = 0
        self._line_start = True
        self._marker = ""

    def text(self, root: Tag) -> str:
        stack: list[Iterator[PageElement]] = [iter(root.children)]
        open_tags: list[Tag] = [root]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                self._leave(open_tags.pop())
            elif isinstance(node, Tag):
                if self._enter(node):
                    stack.append(iter(node.children))
                    open_tags.append(node)
            elif isinstance(node, NavigableString):
                self._string(node)
        return "".join(self._parts)

    def _break(self, newlines: int) -> None:
        """The next words stand at least this many line ends further down."""
        self._newlines = max(self._newlines, newlines)
        self._line_start = True

    def _emit(self, words: str) -> None:
        if self._line_start and not self._preformatted:
            words = words.lstrip(" ")
        if not words:
            return
        if self._parts:
            self._parts.append("\n" * self._newlines)
        self._parts += (self._marker, words)
        self._newlines, self._marker, self._line_start = 0, "", False

    def _string(self, node: NavigableString) -> None:
        if isinstance(node, PreformattedString):
            if isinstance(node, Comment):
                self.found.add("comments")
            return
        self._emit(str(node) if self._preformatted else _SPACES.sub(" ", node))

    def _is_dropped(self, tag: Tag) -> bool:
        """Whether nothing within is shown; notes what kind of thing was left out."""
        if tag.name in _SCRIPTED:
            self.found.add("scripts")
        if tag.name == "meta" and tag.get("content"):
            self.found.add("document-properties")
        if tag.name in _DROPPED:
            return True
        if _is_hidden(tag):
            self.found.add("hidden-text")
            return True
        return False

    def _enter(self, tag: Tag) -> bool:
        if self._is_dropped(tag):
            return False
        if tag.name == "br":
            self._emit("\n")
            self._line_start = True
        elif tag.name == "img" and tag.get("alt"):
            self._emit(f" {tag['alt']} ")
        elif tag.name in _HEADINGS:
            self._break(2)
            self._marker = _HEADINGS[tag.name]
        elif tag.name in _BLOCKS:
            self._break(2 if tag.name == "p" else 1)
            if tag.name == "li":
                self._marker = "- "
        elif tag.name in _CELLS and tag.find_previous_sibling(_CELLS):
            self._emit(" | ")
        self._preformatted += tag.name == "pre"
        return True

    def _leave(self, tag: Tag) -> None:
        self._preformatted -= tag.name == "pre"
        if tag.name in _HEADINGS or tag.name == "p":
            self._break(2)
            self._marker = ""
        elif tag.name in _BLOCKS:
            self._break(1)


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The visible text of an HTML file, as one page without a number."""
    check_size(size, arguments)
    reader = _Reader()
    text = reader.text(bs4.BeautifulSoup(_characters(file.read()), "lxml"))
    steps = [("extract text", "html")]
    return answer([tidy(text)], arguments, metadata=sorted(reader.found), steps=steps)


def warm_up() -> None:
    """Loads the parser and the codecs."""
    bs4.BeautifulSoup("<p>x", "lxml").get_text()
    for codec in _CHARSETS.values():
        b"x".decode(codec, "replace")
