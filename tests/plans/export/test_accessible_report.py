"""The report as a reader of its tags finds it: PDF/UA-1 in what can be read from the file, by pikepdf.

veraPDF, the reference checker, is a Java program that `make test` does not have. What it would ask for of
structure, language, title, figures, tables, links and fonts is asked here.
"""

import io
import json
import re

import pikepdf
import pytest

from plans.export import report
from tests.plans.export.test_report import ANSWER, BARS, MESSAGES, TABLE

pytestmark = pytest.mark.django_db  # for `exported`, which is made with a database

PAINTS = {"Tj", "TJ", "'", '"', "Do", "f", "f*", "S", "s", "B", "B*", "b", "b*", "sh"}


@pytest.fixture(scope="module")
def pdf(exported):
    document = json.loads(exported) | {"answer": ANSWER}
    return pikepdf.open(io.BytesIO(report.pdf(document, [ANSWER, BARS, TABLE, MESSAGES])))


def elements(node):
    """Every element of structure below ``node``, in reading order."""
    if isinstance(node, pikepdf.Array):
        for one in node:
            yield from elements(one)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield node
        yield from elements(node.get("/K"))


def of_kind(pdf, *kinds):
    return [one for one in elements(pdf.Root.StructTreeRoot.K) if one.S in kinds]


def scopes(cell):
    found = cell.get("/A")
    return [one.Scope for one in (found if isinstance(found, pikepdf.Array) else [found]) if "/Scope" in one]


def painted_outside_tags(page):
    """Operators that draw something which is neither tagged nor marked as decoration."""
    depth, found = 0, []
    for _, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        depth += {"BDC": 1, "BMC": 1, "EMC": -1}.get(name, 0)
        found += [name] if name in PAINTS and not depth else []
    return found


def test_it_says_that_it_is_tagged_in_which_language_and_shows_its_title(pdf):
    root, said = pdf.Root, bytes(pdf.Root.Metadata.read_bytes()).decode()
    assert bool(root.MarkInfo.Marked) and str(root.Lang).startswith("en")
    assert bool(root.ViewerPreferences.DisplayDocTitle)
    assert re.search(r"pdfuaid:part(>|=\")1", said) and "<dc:title>" in said


def test_every_figure_says_in_words_what_it_shows(pdf):
    figures = of_kind(pdf, "/Figure")
    assert [str(one.Alt) for one in figures] == ["What moves it: Net, from lift to cost."]


def test_headings_never_leave_out_a_level(pdf):
    levels = [int(str(one.S)[2:]) for one in of_kind(pdf, *(f"/H{n}" for n in range(1, 7)))]
    assert levels[0] == 1 and len(levels) > 8
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_every_table_names_its_columns(pdf):
    tables, heads = of_kind(pdf, "/Table"), of_kind(pdf, "/TH")
    assert len(tables) > 5 and all(list(elements(one.K))[0].S == "/THead" for one in tables)
    assert heads and all(scopes(one) == ["/Column"] for one in heads)


def test_nothing_is_drawn_that_is_neither_tagged_nor_decoration(pdf):
    assert len(pdf.pages) > 2
    assert [painted_outside_tags(page) for page in pdf.pages] == [[] for _ in pdf.pages]


def test_links_stand_in_the_structure_and_say_where_they_lead(pdf):
    links = [one for page in pdf.pages for one in page.obj.get("/Annots", []) if one.Subtype == "/Link"]
    assert links and all("/StructParent" in one and str(one.Contents) for one in links)
    assert {str(page.obj.Tabs) for page in pdf.pages if "/Annots" in page.obj} == {"/S"}


def test_fonts_are_inside_and_their_letters_can_be_read_back(pdf):
    made = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary)]
    fonts = [one for one in made if one.get("/Type") == "/Font" and one.get("/Subtype") == "/Type0"]
    inside = [one for one in made if one.get("/Type") == "/FontDescriptor"]
    assert fonts and all("/ToUnicode" in one for one in fonts)
    assert all(any(f"/FontFile{n}" in one for n in ("", "2", "3")) for one in inside)
