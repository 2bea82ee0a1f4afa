"""Lists as files: no cell is a formula, and the same file brings back what it was made of."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from import_export.formats import base_formats

from gtm.core.actors import Actor, acting_as
from gtm.core.admin.resources import inert, original, resource_of
from programs.models import Partner
from tests.doors import user

BEGINNINGS = st.sampled_from(["", "=", "+", "-", "@", "\t", "\r", "'", "''", "'=", "''-"])


@given(start=BEGINNINGS, rest=st.text(max_size=12))
@example(start="'", rest="=1+1")
@example(start="-", rest="12.50")
def test_every_text_comes_back(start, rest):
    text = start + rest
    assert original(inert(text)) == text


@given(start=BEGINNINGS, rest=st.text(max_size=12))
def test_no_cell_is_a_formula(start, rest):
    cell = inert(start + rest)
    try:
        float(cell)
    except ValueError:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("form", [base_formats.CSV, base_formats.XLSX])
@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "@SUM(1)", "'=quoted", "+49 30 1234"])
def test_a_list_goes_out_inert_and_comes_back_the_same(built, db, form, name):
    resource, kind = resource_of(Partner)(), form()
    with acting_as(Actor.of_user(user("admin"), "admin", interactive=True), "Test"):
        partner = Partner.objects.order_by("pk").first()
        partner.name = name
        partner.save()
        raw = kind.export_data(resource.export(Partner.objects.filter(pk=partner.pk)))
        told = raw if isinstance(raw, bytes) else raw.encode()
        partner.name = "Another name"
        partner.save()
        data = kind.create_dataset(told if kind.is_binary() else told.decode())
        assert data.dict[0]["name"] == inert(name)
        result = resource.import_data(data, raise_errors=True)
    assert result.totals["update"] == 1
    partner.refresh_from_db()
    assert partner.name == name


def test_a_control_character_does_not_end_a_list(built, db):
    with acting_as(Actor.system("Test")):
        partner = Partner.objects.order_by("pk").first()
        partner.name = "before\x01after"
        partner.save()
        exported = resource_of(Partner)().export(Partner.objects.filter(pk=partner.pk))
    raw = base_formats.XLSX().export_data(exported)
    assert base_formats.XLSX().create_dataset(raw).dict[0]["name"] == "before\ufffdafter"
