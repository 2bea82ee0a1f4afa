"""The library in the repository is the one that draws on paper, named after its content."""

import gzip

from plans.drawing import browser_library


def test_the_file_is_what_the_installed_version_makes():
    kept = browser_library.path().read_bytes()
    assert kept == browser_library.library()
    assert browser_library.path().name == browser_library.name_of(kept)
    packed = browser_library.path().with_name(f"{browser_library.path().name}.gz").read_bytes()
    assert gzip.decompress(packed) == kept


def test_the_notice_names_it():
    notice = (browser_library.FOLDER.parents[3] / "NOTICE").read_text()
    assert browser_library.path().name in notice


def test_browsers_keep_it(client, settings):
    answer = client.get(f"/static/gtm/{browser_library.path().name}", headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in answer["Cache-Control"]
