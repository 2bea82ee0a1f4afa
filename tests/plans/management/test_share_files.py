"""An installation moves from folders into an object store: each file by its digest, nothing written over."""

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.places import filestore, objects
from plans.export import files
from tests import object_stores
from tests.doors import manage
from tests.factories import make_run


@pytest.fixture
def lived_in(db, settings):
    """A plan with its document, a kept file, a copy in the cache and a half that a killed writer left."""
    with acting_as(Actor.system("Test")):
        plan = make_run().plan
    document = files.read(plan)
    kept = filestore.keep(b"a screenshot", "png")
    (settings.GTM_DATA_DIR / "cache").mkdir()
    (settings.GTM_DATA_DIR / "cache" / "copy").write_bytes(b"of this host")
    settings.GTM_CACHE_DIR = settings.GTM_DATA_DIR / "cache"
    (settings.GTM_DATA_DIR / ".half").write_bytes(b"half")
    (settings.GTM_PLANS_DIR / "plan-of-nobody.json").write_bytes(b"{}")
    return plan, document, kept


def test_what_is_in_folders_is_in_the_store_afterwards(lived_in, s3_server, settings, monkeypatch):
    plan, document, kept = lived_in
    status, said = manage("share_files")
    assert status and "No object store is configured" in said
    object_stores.use(s3_server, settings, monkeypatch)
    status, said = manage("share_files")
    assert status == 0 and said.startswith("2 files") and "1 documents of plans that no row names" in said
    assert files.read(plan) == document
    assert filestore.read(kept) == b"a screenshot"
    assert objects.data.names("cache") == []
    status, said = manage("share_files")
    assert status == 0 and said.startswith("0 files (0 bytes)") and "2 were there already" in said


def test_a_bucket_of_others_is_not_written_over(lived_in, s3_server, settings, monkeypatch):
    *_, kept = lived_in
    object_stores.use(s3_server, settings, monkeypatch)
    objects.data.put(kept, b"of another installation")
    status, said = manage("share_files")
    assert status and "was not written over" in said
    assert objects.data.read(kept) == b"of another installation"
