"""The PDF report and the workbook of a whole plan, from the plan JSON alone."""

import io
import json
import re

import pytest
from openpyxl import load_workbook
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import Paragraph

from plans.export import render, report, workbook
from plans.templatetags.gtm import cells

pytestmark = pytest.mark.django_db  # for `exported`, which is made with a database

TABLE = {
    "kind": "table",
    "key": "tiers",
    "title": "Tiers: earn [and] burn, with a very long title",
    "columns": [
        {"key": "name", "label": "Tier", "kind": "text", "unit": ""},
        {"key": "cost", "label": "Cost", "kind": "money", "unit": "EUR"},
    ],
    "rows": [["Złoty → gold", 1234.5], ["=1+1", None]] * 50,
    "note": "Costs in € – a year",
}


@pytest.fixture(scope="session")
def document(exported):
    return json.loads(exported)


@pytest.fixture
def written(monkeypatch):
    """Every text that is put on paper."""
    texts = []
    monkeypatch.setattr(
        report, "_text", lambda value, style: texts.append(str(value)) or Paragraph("x", style)
    )
    return texts


def test_the_same_document_gives_the_same_bytes(document):
    assert report.pdf(document, [TABLE]) == report.pdf(document, [TABLE])


def test_it_is_a_pdf_of_several_pages_with_its_fonts_inside(document):
    raw = report.pdf(document)
    assert raw.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", raw)) >= 2
    assert b"DejaVuSansCondensed" in raw and b"/FontFile2" in raw


def test_it_tells_what_was_asked_decided_done_and_sealed(document, written):
    report.pdf(document, [TABLE])
    text = "\n".join(written)
    assert document["objective"] in text
    assert "Fiona Walsh, 2026-03-02 10:00: approve: “Because.”" in text
    assert "1 of 3 (original) succeeded" in text
    assert document["integrity"]["head"] in text and document["integrity"]["seal"] in text
    assert "Złoty → gold" in text and "Shown: the first 60 of 100 rows; the XLSX holds all." in text


MESSAGES = {
    "kind": "messages",
    "key": "comms-preview",
    "title": "What goes out",
    "items": [
        {"path": "email/a.html", "title": "Mail", "media_type": "text/html", "body": "<p>Hi</p>" * 2000,
         "subject": "You & us", "channel": "email", "audience": ""},
        {"path": "email/a.txt", "title": "Mail", "media_type": "text/plain",
         "body": "Dear <all>,\n\nread\n" * 400, "subject": "", "channel": "email", "audience": ""},
    ],
    "note": "",
}  # fmt: skip


def test_communications_are_printed_as_words_however_long_and_html_is_named(document, written):
    report.pdf(document, [MESSAGES])
    assert written.count("Dear <all>,") == 400
    assert "Subject: You & us" in written and "HTML: see the file in the kit." in written
    assert "<p>Hi</p>" not in "".join(written)


def test_communications_of_any_length_find_room_on_paper_and_in_the_workbook(document):
    assert report.pdf(document, [MESSAGES]).startswith(b"%PDF-")
    book = load_workbook(io.BytesIO(workbook.xlsx(document, [MESSAGES])))
    assert [cell.value for cell in book.worksheets[-1]["A"]] == ["Path", "email/a.html", "email/a.txt"]


def test_the_font_has_every_letter_of_the_report(document, written):
    report.pdf(document, [TABLE])
    glyphs = pdfmetrics.getFont(report.REGULAR).face.charToGlyph
    letters = set("".join(written)) | set("€–→…“”×≥≤−ńőčłşğαЖ")
    assert {letter for letter in letters - {"\n"} if ord(letter) not in glyphs} == set()


def test_the_workbook_holds_every_row_and_no_formula(document):
    book = load_workbook(io.BytesIO(workbook.xlsx(document, [TABLE, TABLE])))
    assert book.sheetnames == [
        "Plan", "Tasks", "Attempts", "Approvals", "Escalations", "Change log",
        "Tiers earn and burn, with a ver", "Tiers earn and burn, with a 2",
    ]  # fmt: skip
    assert book["Change log"].max_row == len(document["change_log"]) + 1
    sheet = book.worksheets[-1]
    assert [cell.value for cell in sheet[1]] == ["Tier", "Cost (EUR)"]
    assert sheet.max_row == 101
    assert sheet["A3"].data_type == "s" and sheet["A3"].value != "=1+1"
    votes = [(row[8].value, row[9].value) for row in book["Approvals"].iter_rows(min_row=2)]
    assert sorted(votes) == [("approve", "Fiona Walsh"), ("approve", "Lena Brandt")]


AMOUNTS = {
    "kind": "table",
    "key": "amounts",
    "title": "Amounts",
    "columns": [
        {"key": "what", "label": "What", "kind": "text", "unit": ""},
        {"key": "unit", "label": "Unit", "kind": "text", "unit": ""},
        {"key": "value", "label": "Value", "kind": "number", "unit": ""},
        {"key": "euros", "label": "Euros", "kind": "money", "unit": "EUR"},
        {"key": "yen", "label": "Yen", "kind": "money", "unit": "JPY"},
        {"key": "dinars", "label": "Dinars", "kind": "money", "unit": "KWD"},
    ],
    "rows": [["Orders", "", 12345, 1.7, 1234.0, "1.5"], ["Revenue", "EUR", 1234.5, 0, 0, 0]],
    "note": "",
}
AS_READ = [
    ["Orders", "–", "12,345", "1.70", "1,234", "1.500"],
    ["Revenue", "EUR", "1,234.50", "0.00", "0", "0.000"],
]
FORMATS = ["General", "#,##0.00", "#,##0", "#,##0.000"], ["#,##0.00", "#,##0.00", "#,##0", "#,##0.000"]


def test_amounts_have_the_decimals_of_their_currency_on_paper_in_a_page_and_in_markdown(document, written):
    report.pdf(document, [AMOUNTS])
    for row in AS_READ:
        assert set(row) <= set(written)
    found = render.grid(AMOUNTS)
    assert [[text for _, text in cells(row, found)] for row in found.rows] == AS_READ
    told = render.render(AMOUNTS, "md").content.decode()
    assert "| Orders |  | 12,345 | 1.70 | 1,234 | 1.500 |" in told


@pytest.mark.parametrize("made", ["one", "whole"])
def test_a_spreadsheet_has_amounts_as_numbers_shown_by_their_currency(document, made):
    raw = render.render(AMOUNTS, "xlsx").content if made == "one" else workbook.xlsx(document, [AMOUNTS])
    sheet = load_workbook(io.BytesIO(raw)).worksheets[-1]
    rows = list(sheet.iter_rows(min_row=2, min_col=3))
    assert [cell.value for cell in rows[0]] == [12345, 1.7, 1234, 1.5]
    assert tuple([cell.number_format for cell in row] for row in rows) == FORMATS
