"""Files kept by content: found again, never overwritten, and not believed once they were altered."""

from pathlib import Path

import pytest

from gtm.core.errors import NotFound
from gtm.core.places import filestore

HELLO = "files/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.txt"


def test_the_name_of_a_file_is_its_digest_and_the_same_content_is_one_file(settings):
    assert [filestore.keep(b"hello", "txt") for _ in range(2)] == [HELLO, HELLO]
    assert filestore.read(HELLO) == b"hello"
    assert [p.name for p in Path(settings.GTM_DATA_DIR).rglob("*") if p.is_file()] == [Path(HELLO).name]


def test_an_altered_file_is_refused(settings):
    filestore.keep(b"hello", "txt")
    (Path(settings.GTM_DATA_DIR) / HELLO).write_bytes(b"hullo")
    with pytest.raises(NotFound, match="differs"):
        filestore.read(HELLO)


def test_a_file_that_is_gone_is_told_with_the_remedy():
    with pytest.raises(NotFound) as refused:
        filestore.read(HELLO)
    assert "backup" in refused.value.hint


@pytest.mark.parametrize("path", ["/etc/passwd", "files/../secret", f"../{HELLO}", f"x/../{HELLO}"])
def test_no_path_leads_out_of_the_store(path):
    with pytest.raises(NotFound, match="not the path"):
        filestore.read(path)
