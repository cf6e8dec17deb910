"""Texts come out as what a reader would see: clean Unicode, headings marked, nothing hidden."""

from __future__ import annotations

import ctypes
import io
import zipfile

import docx
import numpy as np
import pypdfium2 as pdfium
import pytest
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from PIL import Image
from pypdfium2 import raw

from workers.sandbox import DecodeError, Limits

SECRET = "SECRETCANARY"


def text_of(sandbox, data, name):
    result = sandbox.sniff_normalise(data, name_hint=name)
    assert (result.modality, result.media_type, result.rendition) == ("text", "text/plain", b"")
    (page,) = result.pages
    assert page.number is None
    return page.text


def code_of(sandbox, data, name, **more):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint=name, **more)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain words", "plain words"),
        ("na\u00efve caf\u00e9".encode(), "na\u00efve caf\u00e9"),
        ("na\u00efve caf\u00e9".encode("cp1252"), "na\u00efve caf\u00e9"),
        ("\u201cquoted\u201d \u20ac5".encode("cp1252"), "\u201cquoted\u201d \u20ac5"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("\ufeffwide \u4e2d".encode("utf-16-le"), "wide \u4e2d"),
        ("\ufeffwide \u4e2d".encode("utf-16-be"), "wide \u4e2d"),
        ("\ufeffwide \U0001f600".encode("utf-32-le"), "wide \U0001f600"),
        (b"one\r\ntwo\rthree\n\n\n\n\nfour   \n", "one\ntwo\nthree\n\nfour"),
        ("e\u0301".encode(), "\u00e9"),
        (b"bell\x07 and\x1b[0m", "bell and[0m"),
        ("line\u2028separator\x85next".encode(), "line\nseparator\nnext"),
        ("\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627".encode(),
         "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"),
    ],
)  # fmt: skip
def test_plain_text_is_read_in_its_encoding(sandbox, data, expected):
    assert text_of(sandbox, data, "a.txt") == expected


@pytest.mark.parametrize("data", [b" \n\t\n ", b"\xef\xbb\xbf", b"\n"])
def test_white_space_is_no_content(sandbox, data):
    assert code_of(sandbox, data, "a.txt") == "no-content"


def test_an_empty_file_says_so(sandbox):
    assert code_of(sandbox, b"", "a.txt") == "empty-file"


@pytest.mark.parametrize(
    "data", [b"words\x00\x00words" * 50, bytes(range(256)) * 40, b"\x81\x8d\x8f" * 9 + b"\xff"]
)
def test_binary_data_is_no_text(sandbox, data):
    assert code_of(sandbox, data, "a.txt") == "mislabelled"
    assert code_of(sandbox, data, "a.bin") == "unknown-type"


def test_binary_data_behind_a_readable_start_is_no_text(sandbox):
    data = b"a fine start\n" * 1000 + b"\x00" * 100
    assert code_of(sandbox, data, "a.txt") == "mislabelled"


def test_markdown_keeps_its_marks(sandbox):
    result = sandbox.sniff_normalise(b"# One\n\nwords\n\n## Two  \nmore", name_hint="a.md")
    assert result.source_type == "text/markdown"
    assert result.pages[0].headings == ("One", "Two")


def test_five_megabytes_on_one_line_are_taken(sandbox):
    assert len(text_of(sandbox, b"words" * 1_000_000, "a.txt")) == 5_000_000


def test_too_much_text_is_refused(sandbox):
    limits = Limits(max_text_chars=2_000_000)
    assert code_of(sandbox, b"x" * 2_000_001, "a.txt", limits=limits) == "too-much-text"
    assert code_of(sandbox, b"x" * 9_000_000, "a.html", limits=limits) == "too-much-text"


HTML = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="author" content="SECRETCANARY">
<title>The title</title><style>p { color: SECRETCANARY }</style>
<script>var SECRETCANARY = 1;</script></head>
<body onload="SECRETCANARY()"><!-- SECRETCANARY --><h1>Heading  one</h1>
<p>First <b>bold</b>
   words &amp; more.</p><p hidden>SECRETCANARY</p>
<div style="display: none">SECRETCANARY<p>SECRETCANARY</p></div>
<h2>Heading two</h2><ul><li>apple</li><li>pear</li></ul>
<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>
<img src="SECRETCANARY.png" alt="a drawing"><pre>two  spaces
  kept</pre><template>SECRETCANARY</template><noscript>SECRETCANARY</noscript>
<svg><text>SECRETCANARY</text></svg><a href="http://SECRETCANARY/">a link</a><br>after
</body></html>"""


def test_html_is_what_a_reader_sees(sandbox):
    result = sandbox.sniff_normalise(HTML.encode(), name_hint="a.html")
    (page,) = result.pages
    assert SECRET not in page.text
    assert page.headings == ("The title", "Heading one", "Heading two")
    for part in (
        "# The title\n", "# Heading one\n", "First bold words & more.", "## Heading two\n",
        "- apple\n- pear", "a | b\nc | d", "a drawing", "two  spaces\n  kept", "a link\nafter",
    ):  # fmt: skip
        assert part in page.text
    assert {"scripts", "comments", "hidden-text", "document-properties"} <= set(
        result.metadata_found
    )


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("iso-8859-1", "cp1252"), ("windows-1251", "cp1251"), ("Shift_JIS", "cp932"), ("gbk", "gbk")],
)
def test_html_is_read_in_its_declared_encoding(sandbox, charset, codec):
    words = {"cp1252": "caf\u00e9", "cp1251": "\u041f\u0440\u0438\u0432\u0435\u0442"}.get(
        codec, "\u4e2d\u6587"
    )
    data = f'<html><meta charset="{charset}"><p>{words}</p>'.encode(codec)
    assert text_of(sandbox, data, "a.html") == words


def test_html_may_be_nested_deeper_than_any_stack(sandbox):
    data = b"<html>" + b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000
    try:
        assert "deep" in text_of(sandbox, data, "a.html")
    except DecodeError as error:
        # A parser's own depth limit may cut it; it must not crash.
        assert error.code in {"no-content", "damaged"}


def test_html_without_marks_is_known_by_its_name(sandbox):
    assert text_of(sandbox, b"<p>just a <i>fragment</i>", "a.htm") == "just a fragment"


def test_html_is_known_without_its_name(sandbox):
    assert text_of(sandbox, b"  <!doctype HTML><p>hello", "a.txt") == "hello"


def word_document():
    document = docx.Document()
    document.core_properties.author = SECRET
    document.add_heading("The report", 0)
    document.add_heading("First part", 1)
    paragraph = document.add_paragraph("Some ")
    paragraph.add_run("bold").bold = True
    paragraph.add_run(" words.")
    hidden = paragraph.add_run(SECRET)
    hidden.font.hidden = True
    document.add_heading("Deeper", 2)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left cell", "right cell"
    deleted = OxmlElement("w:del")
    run = OxmlElement("w:r")
    text = OxmlElement("w:delText")
    text.text = SECRET
    run.append(text)
    deleted.append(run)
    paragraph._p.append(deleted)
    control = OxmlElement("w:sdt")
    content = OxmlElement("w:sdtContent")
    inner = OxmlElement("w:p")
    inner_run = OxmlElement("w:r")
    inner_text = OxmlElement("w:t")
    inner_text.text = "inside a control"
    inner_run.append(inner_text)
    inner.append(inner_run)
    content.append(inner)
    control.append(content)
    document.element.body.insert(0, control)
    assert paragraph._p.tag == qn("w:p")
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_word_documents_give_text_with_headings(sandbox):
    result = sandbox.sniff_normalise(word_document(), name_hint="a.docx")
    (page,) = result.pages
    assert page.headings == ("The report", "First part", "Deeper")
    assert "Some bold words." in page.text
    assert "inside a control" in page.text
    assert "left cell\nright cell" in page.text.replace("\n\n", "\n")
    assert SECRET not in page.text
    assert {"document-properties", "hidden-text", "tracked-changes"} <= set(result.metadata_found)


def repacked(data, **parts):
    """The archive `data` with parts replaced or added; names are written with __ for /."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        replaced = {
            name.replace("__", "/").replace("_xml", ".xml"): body for name, body in parts.items()
        }
        for name in old.namelist():
            if name not in replaced:
                new.writestr(name, old.read(name))
        for name, body in replaced.items():
            new.writestr(name, body)
    return out.getvalue()


def test_footnotes_are_text(sandbox):
    notes = (
        '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        '<w:footnote w:type="separator"><w:p><w:r><w:t>no</w:t></w:r></w:p></w:footnote>'
        "<w:footnote><w:p><w:r><w:t>a note below</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    text = text_of(sandbox, repacked(word_document(), word__footnotes_xml=notes), "a.docx")
    assert "a note below" in text
    assert "\nno" not in text


def pdf_of(pages, *, author=""):
    """A PDF with a text layer, made with PDFium's own editing functions."""
    document = pdfium.PdfDocument.new()
    for lines in pages:
        page = document.new_page(595, 842)
        for number, line in enumerate(lines):
            item = raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 12.0)
            words = (line + "\0").encode("utf-16-le")
            buffer = ctypes.create_string_buffer(words, len(words))
            raw.FPDFText_SetText(item, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)))
            raw.FPDFPageObj_Transform(item, 1, 0, 0, 1, 50, 780 - 20 * number)
            raw.FPDFPage_InsertObject(page, item)
        page.gen_content()
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    data = buffer.getvalue()
    if author:
        data = data.replace(
            b"trailer\r\n<<", b"trailer\r\n<</Info <</Author(%s)>>" % author.encode()
        )
    return data


def test_pdf_gives_its_text_page_by_page(sandbox):
    data = pdf_of([["Page one begins.", "Second line."], [], ["Page three."]])
    result = sandbox.sniff_normalise(data, name_hint="a.pdf")
    assert [(page.number, page.text) for page in result.pages] == [
        (1, "Page one begins.\nSecond line."),
        (2, ""),
        (3, "Page three."),
    ]
    assert any(step.step == "extract text layer of 2 of 3 pages" for step in result.steps)


def test_pages_of_a_scanned_pdf_come_as_pictures(sandbox):
    buffer = io.BytesIO()
    Image.new("RGB", (100, 60), "green").save(buffer, "PDF")
    result = sandbox.sniff_normalise(buffer.getvalue(), name_hint="scan.pdf")
    assert result.sheets == (1,)
    assert [page.text for page in result.pages] == [""]
    (sheet,) = sandbox.pictures(buffer.getvalue(), source_type="application/pdf", first=0, count=1)
    assert sheet.page == 1
    assert sheet.pixels.shape[2] == 3
    assert np.abs(sheet.pixels[30, 30].astype(int) - (0, 128, 0)).max() < 4


def test_comments_and_fields_of_a_pdf_are_text_of_their_page(sandbox):
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Annots [4 0 R 5 0 R] >>",
        b"<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (a comment on it) >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /Rect [0 9 9 18] /T (f) /V (filled in) >>",
    ]
    data = b"%PDF-1.7\n"
    for number, content in enumerate(objects, 1):
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    data += b"trailer << /Root 1 0 R /Size 6 >>\n%%EOF"
    (page,) = sandbox.sniff_normalise(data, name_hint="a.pdf").pages
    assert page.text == "a comment on it\n\nfilled in"


def test_a_pdf_with_nothing_on_it_waits_for_a_human(sandbox):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(pdf_of([[]]), name_hint="empty.pdf")
    assert (caught.value.code, caught.value.disposition) == ("no-text-layer", "quarantined")


def test_too_many_pages_are_refused(sandbox):
    data = pdf_of([["x"]] * 6)
    assert code_of(sandbox, data, "a.pdf", limits=Limits(max_pages=5)) == "too-many-pages"


def test_half_a_pdf_is_refused_or_repaired(sandbox):
    data = pdf_of([["Some words on a page."]])
    assert code_of(sandbox, data[:60], "a.pdf") in {"truncated", "damaged"}


ENCRYPTED_PDF = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>> endobj
4 0 obj <</Filter/Standard/V 1/R 2/P -4
/O<0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef>
/U<0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef>>> endobj
trailer <</Root 1 0 R/Encrypt 4 0 R/ID[<00112233445566778899aabbccddeeff><00>]/Size 5>>
%%EOF
"""
"""No password opens it: its key hashes are made up. Readers ask for a password all the same."""


def test_a_pdf_with_a_password_is_kept_for_a_human(sandbox):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(ENCRYPTED_PDF, name_hint="a.pdf")
    assert (caught.value.code, caught.value.disposition) == ("password-protected", "quarantined")


def test_a_word_document_with_a_password_is_kept_for_a_human(sandbox):
    name = "EncryptedPackage".encode("utf-16-le")
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000 + name + b"\0" * 2000
    assert code_of(sandbox, data, "a.docx") == "password-protected"


def test_an_old_word_document_is_not_supported(sandbox):
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4000
    assert code_of(sandbox, data, "a.doc") == "unknown-type"
    assert code_of(sandbox, data, "a.docx") == "mislabelled"


@pytest.mark.parametrize(
    "text", ["# Heading\n\nSome words " * 40, "", "\U0001f600 \u4e2d\u6587", "x" * 5000, "\n" * 50]
)
def test_a_picture_of_text_is_made_of_anything(sandbox, text):
    picture = Image.open(io.BytesIO(sandbox.thumbnail_text(text)))
    assert (picture.format, picture.size) == ("WEBP", (240, 320))
    assert not picture.getexif()


def test_a_picture_of_text_shows_its_words(sandbox):
    blank, full = (
        Image.open(io.BytesIO(sandbox.thumbnail_text(text))).convert("L")
        for text in ("", "words " * 100)
    )
    assert sum(full.histogram()[:128]) > sum(blank.histogram()[:128]) + 1000
