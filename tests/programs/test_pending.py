"""Uploads that wait: the same whether files are in a folder or in an object store, and for every host."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from gtm.core import clock
from gtm.core.errors import WrongState
from gtm.core.places import objects
from programs.admin import pending
from programs.models import WaitingUpload
from tests import object_stores
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(files_in):
    return UserFactory(username="ann")


def upload(content=b"member_id\nann\n"):
    return SimpleUploadedFile("../up.csv", content)


def waiting():
    return set(objects.data.names(pending.FOLDER))


def test_a_file_waits_for_its_person_until_it_is_a_dataset(ann):
    token = pending.keep(ann, upload())
    kept = pending.find(ann, token)
    assert (kept.name, kept.path.read_bytes()) == ("up.csv", b"member_id\nann\n")
    assert pending.find(UserFactory(username="ben"), token) is None
    with pending.taken(kept):
        assert pending.is_taken(ann, token) and pending.find(ann, token) is None
        with (
            pytest.raises(WrongState, match="being loaded already"),
            transaction.atomic(),
            pending.taken(kept),
        ):
            pass
    assert pending.find(ann, token) is not None  # given back
    with pending.taken(kept) as file:
        pending.forget(file, 7)
    assert (pending.loaded_as(ann, token), pending.find(ann, token)) == (7, None)
    assert not waiting() and not pending.is_taken(ann, token)


def test_what_a_killed_process_took_is_free_again_later(ann):
    token = pending.keep(ann, upload())
    WaitingUpload.objects.update(taken_at=clock.now())
    assert pending.find(ann, token) is None
    with clock.standing_at(clock.now() + pending.TAKEN_FOR + timedelta(seconds=1)):
        assert pending.find(ann, token) is not None and not pending.is_taken(ann, token)


def test_the_oldest_and_the_old_are_forgotten_with_their_files(ann):
    tokens = [pending.keep(ann, upload(b"%d" % number)) for number in range(7)]
    assert [t for t in tokens if pending.find(ann, t)] == tokens[-pending.MOST_A_PERSON :]
    assert len(waiting()) == pending.MOST_A_PERSON
    with clock.standing_at(clock.now() + timedelta(days=1, minutes=1)):
        pending.keep(UserFactory(username="ben"), upload())
    assert len(waiting()) == WaitingUpload.objects.count() == 1


def test_a_damaged_or_missing_file_is_not_taken_for_the_one_that_was_uploaded(ann):
    token = pending.keep(ann, upload())
    (name,) = waiting()
    objects.data.put(f"{pending.FOLDER}/{name}", b"another")
    assert pending.find(ann, token) is None
    objects.data.delete(f"{pending.FOLDER}/{name}")
    assert pending.find(ann, token) is None


def test_another_host_has_the_file(s3_server, settings, monkeypatch, tmp_path):
    object_stores.use(s3_server, settings, monkeypatch)
    ann = UserFactory(username="ann")
    token = pending.keep(ann, upload())
    places = []
    for host in ("one", "two"):
        settings.GTM_CACHE_DIR = tmp_path / host
        places.append(pending.find(ann, token).path)
    assert places[0] != places[1] and places[0].read_bytes() == places[1].read_bytes()
    with pending.taken(pending.find(ann, token)) as file:
        pending.forget(file, 7)
    settings.GTM_CACHE_DIR = tmp_path / "one"
    assert (pending.loaded_as(ann, token), pending.find(ann, token)) == (7, None)
