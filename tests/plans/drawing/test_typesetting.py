"""A report set as PDF/UA-1: content stays data, every letter on the list can be printed, nothing hangs."""

import json
import subprocess
import sys
from collections import Counter

import pytest
import typst

from gtm.core.errors import NotNow
from plans.drawing import children, typeset_child, typesetting
from plans.export import paper

AT = "2026-03-02T10:00:00+00:00"
TRICKS = (
    '#import "other.typ": *',
    '#read("/etc/passwd")',
    "#sys.inputs.content",
    "#panic()",
    "= Heading\n- list\n$x^2$ *bold* _i_ `raw` @ref <label> // no /* comment */ \\ ~ --",
    "]) #[",
)


def report(*parts, **more):
    told = {"title": "T", "heading": "H", "author": "A", "subtitle": "S", "foot": "F", **more}
    return {**told, "parts": list(parts)}


def everything(text):
    """A report that says ``text`` in every part that there is."""
    return report(
        paper.heading(text, 1),
        paper.verdict("good", text, text),
        *paper.figures([(text, text, [text])]),
        paper.text(text),
        paper.remark(text),
        paper.labelled(text, text),
        *paper.bullets([text]),
        paper.table([text, text], [[text, text]], right=[1]),
        paper.CONTENTS,
        paper.PAGE,
        paper.text(text),
        title=text,
        heading=text,
        author=text,
        subtitle=text,
        foot=text,
    )


def told_by(content):
    """The words of each heading, as the engine understood them."""
    source, inputs = typeset_child.TEMPLATE.read_bytes(), {"content": json.dumps(content)}
    return [
        "".join(words(one["body"])) for one in json.loads(typst.query(source, "heading", sys_inputs=inputs))
    ]


def words(node):
    """The texts in a tree of content; ``space`` is one."""
    if isinstance(node, dict):
        yield from [node["text"]] if isinstance(node.get("text"), str) else words(list(node.values()))
        yield from [" "] if node.get("func") == "space" else []
    if isinstance(node, list):
        for one in node:
            yield from words(one)


@pytest.mark.parametrize("trick", TRICKS)
def test_what_people_wrote_is_never_read_as_source(trick):
    raw = typesetting.pdf(everything(trick), AT)
    assert raw.startswith(b"%PDF-") and b"/MarkInfo" in raw
    assert "root:" not in raw.decode("latin-1")


@pytest.mark.parametrize("trick", TRICKS[:4])
def test_a_heading_holds_its_words_and_no_call(trick):
    assert told_by(report(paper.heading(trick, 1))) == [trick]


def test_the_same_content_gives_the_same_bytes_made_when_it_says():
    first, second = (typesetting.pdf(everything("Same"), AT) for _ in range(2))
    assert first == second
    assert b"D:20260302100000" in first


def test_it_is_tagged_and_says_so_itself():
    raw = typesetting.pdf(everything("Tagged"), AT)
    assert b"pdfuaid:part" in raw and b"/MarkInfo" in raw and b"/Lang(en" in raw


def test_a_picture_without_words_is_refused():
    bare = {
        **paper.picture(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', ""),
        "alt": None,
    }
    with pytest.raises(NotNow, match="cannot be made at the moment"):
        typesetting.pdf(report(bare), AT)


def letters():
    starts, ends = typesetting._ranges()
    return [chr(n) for pair in zip(starts, ends, strict=True) for n in range(pair[0], pair[1] + 1)]


def test_every_letter_on_the_list_can_be_printed_thin_and_bold():
    every = letters()
    assert len(every) > 20_000 and {"a", "é", "Ж", "€", "漢", "あ", "ع", "ש", "□"} <= set(every)
    text = "\n".join("".join(every[n : n + 60]) for n in range(0, len(every), 60))
    assert typesetting.pdf(report(paper.text(text), paper.labelled(text, "")), AT).startswith(b"%PDF-")


def test_letters_that_no_font_has_are_counted_and_replaced_and_marks_without_a_form_left_out():
    missing = Counter()
    found = typesetting.printable({"a": ["ไทย", 1, None], "b": "x\ty\x07\r\n\U000e0001z"}, missing)
    assert found == {"a": ["□□□", 1, None], "b": "x y\nz"}
    assert missing == {"ไ": 1, "ท": 1, "ย": 1}


def test_an_engine_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(children, "SECONDS", 0)
    with pytest.raises(NotNow, match="cannot be made at the moment"):
        typesetting.pdf(everything("Slow"), AT)


def test_an_engine_has_a_bound_of_memory():
    asked = "; ".join(
        [
            "import resource",
            "from plans.drawing import typeset_child",
            "typeset_child.bound()",
            "print(resource.getrlimit(resource.RLIMIT_AS)[1], resource.getrlimit(resource.RLIMIT_CORE)[1])",
            "bytearray(typeset_child.MEMORY_BYTES)",
        ]
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert done.stdout.split() == [str(typeset_child.MEMORY_BYTES), "0"] and "MemoryError" in done.stderr


def test_no_column_is_narrower_than_its_longest_word_and_all_share_the_line():
    made = paper.table(["No.", "Long"], [["1", "word " * 60], ["2", "x"]])
    first, second = made["widths"]
    assert first == pytest.approx(5, abs=2) and first + second == pytest.approx(
        paper.LETTERS_OF_A_LINE, abs=0.1
    )
    assert made["letters"][0] >= 1
