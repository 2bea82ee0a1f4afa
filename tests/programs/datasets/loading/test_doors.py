"""What the options say has the same effect at the command line, over REST and on the upload page."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from programs.models import Dataset, Program
from tests.doors import manage, url
from tests.plans.admin.conftest import login
from tests.programs.api.conftest import as_, built, ops, site

__all__ = ["as_", "built", "login", "ops", "site"]

LINES = (
    "Orders of May;;;;;\nNo;Who;Placed;Piece;Quantity;Unit price;State\n"
    "1;ann;05.05.2024;cup;2;10,50;paid\n1;ann;05.05.2024;plate;1;4,00;paid\n2;bob;06.05.2024;cup;1;10,50;failed\n"
    "Total;;;;;25,00;\n"
)
MAPPING = {"order_id": "No", "member_id": "Who", "purchased_at": "Placed"}
SAID = {
    "header_row": "2",
    "footer_rows": "1",
    "line_items": "price_each",
    "filters": "State: paid",
    "source": "north",
    "date_format": "dmy",
}


def by_command(tmp_path, **clients):
    (tmp_path / "may.csv").write_text(LINES)
    words = [word for name, value in SAID.items() for word in (f"--{name.replace('_', '-')}", value)]
    pairs = [word for ours, theirs in MAPPING.items() for word in ("--map", f"{ours}={theirs}")]
    file = str(tmp_path / "may.csv")
    code, said = manage("load_dataset", "purchases", file, "--program", "cdnow", "--replace", *pairs, *words)
    assert code == 0, said
    assert "1 lines are in the row of their order" in said


def by_rest(tmp_path, ops, **clients):
    file = SimpleUploadedFile("may.csv", LINES.encode())
    mapping = "{" + ", ".join(f'"{ours}": "{theirs}"' for ours, theirs in MAPPING.items()) + "}"
    told = {"kind": "purchases", "program": "cdnow", "file": file, "mapping": mapping, "series": "replace"}
    response = ops.post(url("datasets/upload/"), told | SAID)
    assert response.status_code == 201, response.json()


def by_page(tmp_path, login, **clients):
    file = SimpleUploadedFile("may.csv", LINES.encode())
    chosen = {f"map-{ours}": theirs for ours, theirs in MAPPING.items()}
    told = {"program": Program.objects.get(slug="cdnow").pk, "kind": "purchases", "file": file} | chosen
    response = login("ops").post(
        reverse("admin:programs_dataset_upload"), told | SAID | {"series": "replace"}
    )
    assert response.status_code == 302, response.context["form"].errors


@pytest.mark.parametrize("door", [by_command, by_rest, by_page])
def test_every_door_reads_lines_the_same(door, tmp_path, ops, login):
    door(tmp_path, ops=ops, login=login)
    dataset = Dataset.objects.latest("pk")
    assert dataset.rows == 1
    assert {name: dataset.options[name] for name in SAID} == SAID
    profile = dataset.profile
    assert (profile["amount"]["minimum"], profile["quantity"]["maximum"]) == ("25.0000", "3")
    assert profile["order_id"]["minimum"] == "north:1"
