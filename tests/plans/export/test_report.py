"""The PDF report and the workbook of a whole plan, from the plan JSON alone."""

import io
import json
import re
from datetime import datetime

import pytest
from openpyxl import load_workbook

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


def written(document, *outputs):
    """Every text that is put on paper, in its order."""
    return list(texts(report.content(document, outputs)["parts"]))


def texts(part):
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        yield from texts([value for key, value in part.items() if key not in ("kind", "style", "family")])
    elif isinstance(part, list):
        for one in part:
            yield from texts(one)


def kinds(document, *outputs):
    return [part["kind"] for part in report.content(document, outputs)["parts"]]


def test_the_same_document_gives_the_same_bytes(document):
    assert report.pdf(document, [TABLE]) == report.pdf(document, [TABLE])


def test_it_is_an_accessible_pdf_of_several_pages_with_its_fonts_inside(document):
    raw = report.pdf(document)
    assert raw.startswith(b"%PDF-") and b"pdfuaid:part" in raw
    assert len(re.findall(rb"/Type/Page\b", raw)) >= 2
    assert b"DejaVuSansCondensed" in raw and b"/FontFile2" in raw


def test_it_tells_what_was_asked_decided_done_and_sealed(document):
    assert report.content(document)["heading"] == document["objective"]
    text = "\n".join(written(document, TABLE))
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


def test_communications_are_printed_as_words_however_long_and_html_is_named(document):
    told = written(document, MESSAGES)
    assert told.count("Dear <all>,") == 400
    assert "Subject: You & us" in told and "HTML: see the file in the kit." in told
    assert "<p>Hi</p>" not in "".join(told)


def test_communications_of_any_length_find_room_on_paper_and_in_the_workbook(document):
    assert report.pdf(document, [MESSAGES]).startswith(b"%PDF-")
    book = load_workbook(io.BytesIO(workbook.xlsx(document, [MESSAGES])))
    assert [cell.value for cell in book["What goes out"]["A"]][2:] == ["Path", "email/a.html", "email/a.txt"]


def test_letters_of_many_scripts_are_printed_and_others_are_said_to_be_missing(document):
    named = {**TABLE, "title": "漢字 かな عربي עברית Ελλάς Ж € → ≥ ńőčłşğα"}
    assert named["title"] in written(document, named)
    assert not any("letters of this plan" in text for text in written(document, named))
    thai = written(document, {**TABLE, "title": "ไทย"})
    assert thai[0] == (
        "3 letters of this plan are printed as □: the fonts of this report do not have THAI CHARACTER SARA "
        "AI MAIMALAI (U+0E44) and others. The page of the plan and its workbook show them."
    )
    assert "□□□" in thai
    assert report.pdf(document, [named, TABLE]).startswith(b"%PDF-")


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


def test_the_report_draws_each_chart_once_with_words_and_is_the_same_each_time(document):
    whole = document | {"answer": ANSWER}
    first, second = (report.pdf(whole, [ANSWER, BARS, TABLE]) for _ in range(2))
    assert first == second
    assert kinds(whole, ANSWER, BARS, TABLE).count("picture") == 1 == kinds(document, BARS).count("picture")
    (drawn,) = [part for part in report.content(whole, [BARS])["parts"] if part["kind"] == "picture"]
    assert drawn["alt"] == "What moves it: Net, from lift to cost." and "<svg" in drawn["svg"]
    assert "Drawn on page 2." in written(whole, BARS) and "Drawn on page 2." not in written(document, BARS)
    assert b"What moves it: Net, from lift to cost." in first


def test_no_number_of_the_workbook_is_text(document):
    for sheet in book_of(document, TABLE, BARS, AMOUNTS).worksheets:
        for row in sheet.iter_rows(min_row=4):
            for cell in row:
                is_named = sheet.title in ("Summary", "Index", "Tasks", "Attempts")  # “1.1” names a task
                if isinstance(cell.value, str) and not is_named:
                    assert not re.fullmatch(r"-?\d+\.\d+", cell.value), (sheet.title, cell.coordinate)


def test_the_answer_is_the_first_page_and_what_it_rests_on_the_second(document):
    whole = document | {"answer": ANSWER}
    told = written(whole, ANSWER, BARS, TABLE)
    assert told[:3] == ["Answer", "Go", "=Launch it."]
    assert "6,618 USD" in told and "-3,685 to 19,095 USD, 90 % interval" in told and "6.4 %" in told
    assert told.count("Finance decides.") == 1
    order = ["Finance decides.", "Approvals", "In this report", "What the answer rests on", "Evidence"]
    assert [told.index(text) for text in order] == sorted(told.index(text) for text in order)
    parts = report.content(whole, [ANSWER, BARS, TABLE])["parts"]
    page = next(n for n, part in enumerate(parts) if part["kind"] == "page")
    assert parts[page + 1]["text"] == "What the answer rests on" and "contents" in kinds(whole)[:page]


def test_a_plan_without_an_answer_says_so_and_goes_on_with_what_is_known(document):
    parts = report.content(document | {"answer": None}, [TABLE])["parts"]
    assert parts[1]["text"] == "This plan has no answer yet. What is known so far follows."
    assert "page" not in [part["kind"] for part in parts]


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


def test_amounts_have_the_decimals_of_their_currency_on_paper_in_a_page_and_in_markdown(document):
    for row in AS_READ:
        assert set(row) <= set(written(document, AMOUNTS))
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
