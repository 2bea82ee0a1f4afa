"""The workbook opened and saved by LibreOffice: `make test-slow` runs this file, which needs its `soffice`.

What LibreOffice writes of it is what it has read: values with their kinds and formats, charts, links.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook

from plans.export import workbook
from tests.plans.export.test_report import AMOUNTS, ANSWER, BARS, TABLE

SECONDS = 180


@pytest.fixture(scope="module")
def books(exported, tmp_path_factory):
    """The workbook as we write it, and as LibreOffice has read it."""
    folder = tmp_path_factory.mktemp("office")
    ours = folder / "ours.xlsx"
    document = json.loads(exported) | {"answer": ANSWER}
    ours.write_bytes(workbook.xlsx(document, [ANSWER, BARS, TABLE, AMOUNTS]))
    office = shutil.which("soffice")
    assert office, "install LibreOffice (Debian: libreoffice-calc), or run the other lanes"
    subprocess.run(
        [office, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "theirs"), str(ours)],
        check=True, timeout=SECONDS, capture_output=True,
    )  # fmt: skip
    return load_workbook(ours), load_workbook(Path(folder / "theirs" / "ours.xlsx"))


def cells(book):
    return {
        (sheet.title, cell.coordinate): cell
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }


def test_every_sheet_and_every_value_is_read_as_it_was_meant(books):
    ours, theirs = map(cells, books)
    assert books[0].sheetnames == books[1].sheetnames
    assert ours.keys() == theirs.keys()
    for place, cell in ours.items():
        other = theirs[place]
        assert (other.data_type, other.is_date) == (cell.data_type, cell.is_date), place
        same = pytest.approx(cell.value) if isinstance(cell.value, float) else cell.value
        assert other.value == same, place


def test_numbers_keep_their_formats_and_none_is_text(books):
    ours, theirs = map(cells, books)
    numbers = [place for place, cell in ours.items() if cell.data_type == "n" and not cell.is_date]
    assert len(numbers) > 100
    assert {p: theirs[p].number_format for p in numbers} == {p: ours[p].number_format for p in numbers}
    for (sheet, at), cell in theirs.items():
        named = sheet in ("Summary", "Index", "Tasks", "Attempts")  # “1.1” names a task
        if isinstance(cell.value, str) and not named:
            assert not re.fullmatch(r"-?\d+\.\d+", cell.value), (sheet, at)


def test_the_chart_is_one_that_draws_from_its_sheet_and_links_lead_to_sheets(books):
    _, theirs = books
    (chart,) = theirs["Summary"]._charts
    assert "What moves it" in chart.series[0].val.numRef.f
    ways = [cell.hyperlink.location for (cell,) in theirs["Index"].iter_rows(min_row=2, max_col=1)]
    assert len(ways) == len(theirs.sheetnames) - 1
    assert {re.sub(r"^#?\'?|\'?[!.].*$", "", way) for way in ways} == set(theirs.sheetnames) - {"Index"}
