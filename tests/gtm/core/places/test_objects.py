"""Files by name: the same in a folder and in an object store, and each failure in words."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gtm.core.errors import NotFound
from gtm.core.places import filestore, objects
from gtm.core.places.storage_url import storages_of
from plans.engine.running import runner
from tests import object_stores


def test_a_file_is_kept_replaced_found_copied_and_forgotten(files_in, tmp_path):
    store = objects.data
    assert store.is_folder == (files_in == "folder")
    assert not store.has("a/b.txt")
    store.put("a/b.txt", b"one")
    store.put("a/b.txt", b"two")
    assert store.has("a/b.txt") and store.read("a/b.txt") == b"two"
    large = tmp_path / "large"
    large.write_bytes(
        bytes(range(256)) * 40_000
    )  # more than is kept in memory, and than one part of an upload
    store.put("a/large", large)
    store.fetch("a/large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    assert store.names("a") == ["b.txt", "large"] and store.names("nothing") == []
    assert store.changed_at("a/large").tzinfo is not None
    store.delete("a/b.txt")
    store.delete("a/b.txt")
    assert store.names("a") == ["large"] and objects.plans.names("a") == []


def test_a_missing_file_is_told_by_its_name_with_what_to_do(files_in):
    for ask in (objects.data.read, lambda name: objects.data.fetch(name, Path("/dev/null"))):
        with pytest.raises(NotFound, match="data/a/b.txt") as refused:
            ask("a/b.txt")
        assert "backup" in refused.value.hint


def test_kept_files_are_refused_where_somebody_altered_them(files_in):
    path = filestore.keep(b"hello", "txt")
    assert filestore.keep(b"hello", "txt") == path and filestore.read(path) == b"hello"
    objects.data.put(path, b"hullo")
    with pytest.raises(NotFound, match="differs"):
        filestore.read(path)


def test_a_store_that_does_not_answer_is_said_and_tried_again(settings, monkeypatch):
    nobody = f"http://127.0.0.1:{object_stores.free_port()}"
    for name, value in object_stores.KEYS.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = settings.STORAGES | storages_of("s3://bucket", endpoint=nobody)
    with pytest.raises(objects.StoreAway, match="data/x” could not be reached") as away:
        objects.data.read("x")
    assert runner.classify(away.value) == "transient"
    with pytest.raises(objects.StoreAway):
        objects.data.put("x", b"")


def test_a_store_that_refuses_says_why(s3_server, settings, monkeypatch):
    object_stores.use(s3_server, settings, monkeypatch)
    settings.STORAGES = settings.STORAGES | storages_of("s3://no-such-bucket", endpoint=s3_server)
    with pytest.raises(objects.StoreAway, match="NoSuchBucket"):
        objects.data.put("x", b"")


@pytest.mark.parametrize(
    ("url", "backend", "option"),
    [
        ("", "FolderStorage", ("setting", "GTM_DATA_DIR")),
        ("s3://b/some/where", "BoundedS3Storage", ("location", "some/where/data")),
        ("gs://b", "GoogleCloudStorage", ("location", "data")),
        ("azure://c/p", "AzureStorage", ("azure_container", "c")),
    ],
)
def test_an_address_names_the_store(url, backend, option):
    made = storages_of(url)["data"]
    assert made["BACKEND"].endswith(f".{backend}") and option in made["OPTIONS"].items()


@pytest.mark.parametrize(
    "url", ["s3:///prefix", "bucket", "ftp://host/x", "s3://key:secret@bucket", "s3://b?x=1"]
)
def test_an_address_that_names_none_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="GTM_STORAGE_URL"):
        storages_of(url)
