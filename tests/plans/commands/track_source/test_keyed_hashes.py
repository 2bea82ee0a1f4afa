"""Partners who exchange keyed hashes and no address are matched through the command, under one key only."""

import hmac

import pyarrow as pa
import pytest

from plans.models import Artifact
from tests.plans.commands.track_source.campaign import (
    establish,
    load,
    start,
    values,
    without,
    work_off,
    world,
)

BOTH = (("northwind", "contacts"), ("contoso", "contacts"))
AGREED, OTHER = b"agreed for this campaign, 32 byte", b"a key that nobody agreed on, 32 b"


def hashed(partner, key):
    """The partner's contacts with nothing but a keyed hash (HMAC-SHA256) of what identifies them."""
    table = world().tables[partner]["contacts"]
    known = table.column("email_hash").to_pylist()
    keyed = [hmac.new(key, told.encode(), "sha256").hexdigest() if told else None for told in known]
    ids = table.column("Lead ID" if partner == "contoso" else "contact_id")
    return pa.table({"contact_id": ids, "email_hash": pa.array(keyed, pa.string())})


@pytest.mark.parametrize("theirs", [AGREED, OTHER])
def test_contacts_match_by_keyed_hash_under_the_agreed_key_only(acting, tmp_path, theirs):
    tables = without(*BOTH)
    tables["northwind"]["contacts"] = hashed("northwind", AGREED)
    tables["contoso"]["contacts"] = hashed("contoso", theirs)
    load(establish(), tmp_path, tables)
    plan = work_off(start(), until="identity")
    ours, others = ([key for key in tables[p]["contacts"]["email_hash"].to_pylist() if key] for p, _ in BOTH)
    pairs = sum(ours.count(key) * others.count(key) for key in set(ours) & set(others))
    found = values(plan)["identity"]
    assert (found["exact_pairs"], found["probable_pairs"]) == (pairs, 0)
    assert (pairs > 0) == (theirs == AGREED)
    told = "".join(str(artifact.payload) for artifact in Artifact.objects.filter(plan=plan))
    assert not [key for key in {*ours, *others} if key in told]


def test_partners_who_exchange_hashes_alone_can_judge_their_attribution(acting, tmp_path):
    """One key is one person: nobody has to be joined by likeness for the confidence to be known."""
    tables = without(*BOTH)
    for partner, kind in BOTH:
        tables[partner][kind] = hashed(partner, AGREED)
    load(establish(), tmp_path, tables)
    found = values(work_off(start(), until="attribution"))
    assert found["identity"]["exact_pairs"] > 0
    assert found["identity"]["identity_precision"] == 1.0
    assert found["identity"]["doubtful_pairs"] == 0  # who is joined by key is not kept apart
    assert found["attribution"]["confidence"] is not None
    assert not found["attribution"].get("confidence_reason")
