"""The PDF report and the workbook of a whole plan, from the plan JSON alone."""

import io
import json
import re
from datetime import datetime

import pytest
from openpyxl import load_workbook
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import Paragraph

from plans.export import render, report, workbook
from plans.schemas.answer import Answer, AnswerFigure, Certainty, Worth
from plans.schemas.outputs import Chart, Series, payload_of
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
    assert [cell.value for cell in book["What goes out"]["A"]][2:] == ["Path", "email/a.html", "email/a.txt"]


def test_the_font_has_every_letter_of_the_report(document, written):
    report.pdf(document, [TABLE])
    glyphs = pdfmetrics.getFont(report.REGULAR).face.charToGlyph
    letters = set("".join(written)) | set("€–→…“”×≥≤−ńőčłşğαЖ")
    assert {letter for letter in letters - {"\n"} if ord(letter) not in glyphs} == set()


def book_of(document, *outputs):
    return load_workbook(io.BytesIO(workbook.xlsx(document, outputs)))


def test_the_workbook_holds_every_row_and_no_formula(document):
    book = book_of(document, TABLE, TABLE)
    first, second = book.sheetnames[2:4]
    assert book.sheetnames == [
        "Summary", "Index", first, second,
        "Plan", "Tasks", "Attempts", "Approvals", "Escalations", "Change log",
    ]  # fmt: skip
    assert all(name.startswith("Tiers earn and burn") and len(name) <= 31 for name in (first, second))
    assert book["Change log"].max_row == len(document["change_log"]) + 3
    sheet = book[second]
    assert [cell.value for cell in sheet[3]] == ["Tier", "Cost (EUR)"]
    assert sheet.max_row == 103
    assert sheet["A5"].data_type == "s" and sheet["A5"].value != "=1+1"
    votes = [(row[8].value, row[9].value) for row in book["Approvals"].iter_rows(min_row=4)]
    assert sorted(votes) == [("approve", "Fiona Walsh"), ("approve", "Lena Brandt")]


ANSWER = payload_of(
    Answer(
        headline="=Launch it.", verdict="go", money=Worth("Net", 6618.4, "USD", -3685.2, 19095.0, 0.9),
        certainty=Certainty("Quite sure.", 0.8, "a gain"),
        figures=(AnswerFigure("Lift", 6.43, "%", 1.94, 12.4), AnswerFigure("Day", "2027-02-10")),
        caveats=["Bell \x07 rings."], next="Finance decides.", chart="bars", table="tiers",
    )
)  # fmt: skip
BARS = payload_of(
    Chart("bars", "What moves it", "bar", ["lift", "cost"], [Series("Net", [3.0, -1.5])], unit="USD")
)  # fmt: skip


def test_the_workbook_opens_on_the_answer_with_a_chart_of_its_own_and_ways_to_all_sheets(document):
    book = book_of(document | {"answer": ANSWER}, ANSWER, BARS, TABLE)
    summary, index = book["Summary"], book["Index"]
    rows = {row[0].value: row[1] for row in summary.iter_rows(min_row=6) if row[0].value}
    assert rows["What to do"].value == "'=Launch it." and rows["What to do"].data_type == "s"
    assert (rows["Net"].value, rows["Net"].number_format) == (6618.4, "#,##0.00")
    assert rows["Lift"].value == pytest.approx(0.0643) and rows["Lift"].number_format == "0.0%"
    assert rows["Day"].value == datetime(2027, 2, 10) and rows["Day"].is_date
    assert rows["Know before you decide"].value == "Bell \N{REPLACEMENT CHARACTER} rings."
    (chart,) = summary._charts
    assert chart.series[0].val.numRef.f == "'What moves it'!$B$4:$B$5"
    ways = {row[0].hyperlink.location for row in index.iter_rows(min_row=2, max_col=1)}
    assert ways == {f"'{name}'!A1" for name in book.sheetnames if name != "Index"}
    assert all(book[name]["A1"].hyperlink.location == "'Index'!A1" for name in book.sheetnames[2:])
    assert "Answer" not in book.sheetnames


def test_the_same_plan_gives_the_same_workbook(document):
    outputs = [ANSWER, BARS, TABLE]
    whole = document | {"answer": ANSWER}
    assert workbook.xlsx(whole, outputs) == workbook.xlsx(whole, outputs)


def test_the_report_holds_a_picture_of_each_chart_and_is_the_same_each_time(document):
    first, second = (report.pdf(document, [BARS, TABLE]) for _ in range(2))
    assert first == second
    assert b"/Subtype /Image" in first and b"/Subtype /Image" not in report.pdf(document, [TABLE])


def test_no_number_of_the_workbook_is_text(document):
    for sheet in book_of(document, TABLE, BARS, AMOUNTS).worksheets:
        for row in sheet.iter_rows(min_row=4):
            for cell in row:
                is_named = sheet.title in ("Summary", "Index", "Tasks", "Attempts")  # “1.1” names a task
                if isinstance(cell.value, str) and not is_named:
                    assert not re.fullmatch(r"-?\d+\.\d+", cell.value), (sheet.title, cell.coordinate)


def test_the_report_begins_with_the_answer(document, written):
    report.pdf(document | {"answer": ANSWER}, [ANSWER, TABLE])
    assert written[0] == document["objective"]
    assert written[1] == "Go: =Launch it."
    assert "6,618 USD" in written and "6.4 %" in written
    assert written.index("Finance decides.") < written.index(TABLE["title"])
    assert written.count("Finance decides.") == 1


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
    book, top = load_workbook(io.BytesIO(raw)), {"one": 2, "whole": 4}[made]
    sheet = book["Amounts"] if made == "whole" else book.worksheets[-1]
    rows = list(sheet.iter_rows(min_row=top, min_col=3))
    assert [cell.value for cell in rows[0]] == [12345, 1.7, 1234, 1.5]
    assert tuple([cell.number_format for cell in row] for row in rows) == FORMATS
