"""What left the house: recognised by its bytes, file by file in an archive, and named before an erasure."""

import io
import zipfile
from datetime import timedelta

import pytest

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import departures
from gtm.core.models import ChangeLogEntry, ChangeLogPayload
from programs.models import Program
from tests.factories import ProgramFactory

pytestmark = pytest.mark.django_db
MIB = 1 << 20


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")):
        yield


@pytest.fixture
def left():
    """A text that left as a table of three rows, and bytes that left of one object."""
    program = ProgramFactory()
    departures.record(Program, "table of programs", "é,1", form="csv", rows=3)
    departures.record(program, "logo", b"\x89PNG", form="png")
    return program


def archive(*, claimed=None, **parts):
    """A zip; ``claimed``: how many bytes its directory says that its first file has."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, raw in parts.items():
            made.writestr(name, raw)
        if claimed is not None:
            made.infolist()[0].file_size = claimed
    return packed.getvalue()


def says(raw):
    proof = departures.prove_copy(raw)
    return proof.holds, {c.what: c.ground for c in proof.proved}, {c.what: c.ground for c in proof.not_proved}


def test_a_copy_is_recognised_by_its_bytes_with_who_took_what_and_when(left):
    holds, proved, left_open = says("é,1".encode())
    (entry, of_one) = ChangeLogEntry.objects.filter(event="exported").order_by("pk")
    assert (holds, [*proved], [*left_open]) == (
        True, ["these bytes left this house"], ["nobody added this row to the log later"],
    )  # fmt: skip
    assert proved["these bytes left this house"].startswith(
        f"the SHA-256 in its row: table of programs (csv, 3 rows), taken on {entry.at} by Test, SHA-256 "
    )
    assert (entry.entity_id, of_one.entity_id) == ("programs.program", f"programs.program {left.pk}")
    assert [entry.payload.body["to"]["bytes"], of_one.payload.body["to"]["bytes"]] == [4, 4]
    assert departures.recognised(b"\x89PNG")[0].startswith("logo (png), taken on ")
    assert departures.recognised(b"e,1") == []


def test_bytes_that_no_row_names_are_told(left):
    for raw in (b"e,1", archive(one=b"e,1"), archive(), b"PK\x03\x04"):
        holds, proved, left_open = says(raw)
        assert (holds, proved) == (False, {})
        assert left_open["these bytes left this house"] == "it is contradicted, see above"


def test_of_an_archive_each_file_is_told_for_itself(left):
    departures.record(left, "logo again", b"\x89PNG", form="png")
    both = {"one": "é,1", "two": b"\x89PNG"}
    holds, proved, _ = says(archive(**both))
    assert (holds, [*proved]) == (True, [f"{name} in it left this house as it is" for name in both])
    assert all(ground.startswith("the SHA-256 in its row: ") for ground in proved.values())
    assert "logo again" not in str(proved)  # the first row is enough
    holds, proved, left_open = says(archive(**both, three=b"e,1"))
    assert (holds, len(proved)) == (False, 2)
    assert "three in it left this house as it is" in left_open


@pytest.mark.parametrize(("claimed", "is_read"), [(512 * MIB, True), (512 * MIB + 1, False)])
def test_an_archive_that_unpacks_to_more_than_we_hand_out_is_not_unpacked(left, claimed, is_read):
    assert says(archive(claimed=claimed, one="é,1"))[0] is is_read


def test_a_row_that_was_erased_says_no_more_than_when(left):
    ChangeLogPayload.objects.filter(entry__event="exported").update(salt=None, body=None)
    assert departures.recognised(b"\x89PNG") == []
    said = [*departures.since_told({"installation": {1}})]
    assert len(said) == 2 and all(each.endswith(", erased)") for each in said)
    assert said[0].startswith("a copy of programs.program, taken on ")


def test_copies_since_the_first_of_these_rows_are_named_and_where_no_row_is_there_all(left):
    numbers = ChangeLogEntry.objects.filter(chain="installation", event="exported").values_list("sequence")
    last = max(numbers)[0]
    assert len([*departures.since_told({"installation": {1, last}})]) == 2
    assert len([*departures.since_told({"nowhere": {1}})]) == 2
    with clock.standing_at(clock.now() + timedelta(seconds=1)):
        departures.record(Program, "later table", "1", form="csv")
    later = ChangeLogEntry.objects.filter(chain="installation").latest("pk").sequence
    assert [said[:11] for said in departures.since_told({"installation": {later}})] == ["later table"]
    assert [*departures.since_told({})] == []
