"""Workbooks of a few kilobytes that decode to gigabytes, or that say something else than they hold."""

import io
import resource
import struct
import time
import zipfile

import pytest

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.problems import DatasetProblems

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        <Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>
        <Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/>
        <Override PartName="/xl/sharedStrings.xml" ContentType="{TYPES}.sharedStrings+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}"><Relationship Id="r" Type="{OFFICE}/officeDocument"
        Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>
        <sheet name="Orders" sheetId="1" r:id="s"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}">
        <Relationship Id="s" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
        <Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>""",
}
HEADER = ("member_id", "purchased_at", "amount", "currency", "units")


def texts(*cells):
    return "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells)


def row(*cells):
    return f"<row>{texts(*cells)}</row>"


ROW = row("ann", "2024-01-02", "10", "USD", "1")


def workbook(rows, strings="", dimension=""):
    """A workbook of these rows, below a header that is right."""
    sheet = (
        f"""<worksheet xmlns="{MAIN}">{dimension}<sheetData>{row(*HEADER)}{rows}</sheetData></worksheet>"""
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{strings}</sst>')
    return made.getvalue()


def said_smaller(content, part="xl/sharedStrings.xml", size=1000):
    """The same file, in which a part is declared smaller than it is, in both directories of the zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.getinfo(part)
        real, directory = struct.pack("<I", found.file_size), archive.start_dir
    made = bytearray(content)
    local = found.header_offset + 22
    assert made[local : local + 4] == real
    made[local : local + 4] = struct.pack("<I", size)
    central = made.index(part.encode(), directory) - 46 + 24
    assert made[central : central + 4] == real
    made[central : central + 4] = struct.pack("<I", size)
    return bytes(made)


NOISE = "".join(f"<si><t>{number:x}</t></si>" for number in range(40_000))
HOSTILE = {
    "one text in every cell": (
        lambda: workbook(
            ('<row r="%d">' + '<c t="s"><v>0</v></c>' * 40 + "</row>") * 250 % tuple(range(2, 252)),
            f"<si><t>{'x' * 32_767}</t></si>",
        ),
        "unpacks_too_large",
        "decodes to more than",
    ),
    "a last row far below": (
        lambda: workbook(f'{ROW}<row r="99999999999">{texts("ben")}</row>'),
        "unpacks_too_large",
        "more than 1,048,576 rows",
    ),
    "a cell in the last column of each row": (
        lambda: workbook(
            "".join(f'<row r="{n}"><c r="XFD{n}"><v>{n * n * 7919}</v></c></row>' for n in range(2, 6_000))
        ),
        "unpacks_too_large",
        "50,000,000 cells",
    ),
    "texts that nobody reads": (
        lambda: workbook(ROW, NOISE + "<si><t>abc</t></si>" * 7_500_000),
        "unpacks_too_large",
        "not a plain table",
    ),
    "a part that is larger than it says": (
        lambda: said_smaller(workbook(ROW, "<si><t>abc</t></si>" * 100_000)),
        "damaged",
        "workbook is damaged",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_soon_and_in_little_memory(name, store, write, options, monkeypatch):
    monkeypatch.setattr("programs.datasets.readers.xlsx.SMALL_BYTES", 16 << 20)
    make, code, told = HOSTILE[name]
    path = write("orders.xlsx", make())
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(DatasetProblems) as refused:
        ingest([path], "purchases", store=store, options=options)
    assert [(p.code, told in p.message) for p in refused.value.problems] == [(code, True)]
    assert time.process_time() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


@pytest.mark.parametrize("said", ["A1:E2", "A1:XFD1048576"])
def test_the_size_that_a_sheet_says_of_itself_changes_nothing(said, store, write, options):
    rows = "".join(row(who, "2024-01-02", "10", "USD", "1") for who in ("ann", "ben", "cy"))
    path = write("orders.xlsx", workbook(rows, dimension=f'<dimension ref="{said}"/>'))
    result = ingest([path], "purchases", store=store, options=options)
    assert (result.input_rows, result.snapshot.rows) == (3, 3)
