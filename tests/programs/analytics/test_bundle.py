"""Kits: the same bytes for the same files, checkable without our code, safe to unpack."""

import hashlib
import io
import json
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.bundle import media_type, pack

FILES = {
    "email/launch.html": b"<p>Join</p>\n",
    "email/launch.txt": b"Join\n",
    "sessions/sales.ics": b"BEGIN:VCALENDAR\r\n",
    "social/post-ü.md": "Grüße\n".encode(),
}
ABOUT = {"program": "Customer Advocates", "version": 3}


def opened(content):
    return zipfile.ZipFile(io.BytesIO(content))


def test_the_archive_is_the_one_it_has_always_been():
    digest = hashlib.sha256(pack(FILES, ABOUT)).hexdigest()
    assert digest == "44bfa9176e9733030639d2b6edd0674e01f445b3ce5dd0e0725bc7d8ba8985e8"


@given(st.permutations(sorted(FILES)))
def test_the_order_of_files_changes_no_byte(paths):
    assert pack({path: FILES[path] for path in paths}, ABOUT) == pack(FILES, ABOUT)


def test_everything_is_in_it_and_nothing_else():
    archive = opened(pack(FILES, ABOUT))
    assert archive.testzip() is None
    assert archive.namelist() == sorted([*FILES, "SHA256SUMS", "manifest.json"])
    assert {path: archive.read(path) for path in FILES} == FILES


def test_the_manifest_describes_every_file():
    manifest = json.loads(opened(pack(FILES, ABOUT)).read("manifest.json"))
    assert manifest["program"] == "Customer Advocates"
    assert manifest["files"][0] == {
        "path": "email/launch.html",
        "media_type": "text/html",
        "bytes": 12,
        "sha256": hashlib.sha256(FILES["email/launch.html"]).hexdigest(),
    }
    assert [listed["path"] for listed in manifest["files"]] == sorted(FILES)


def test_an_unpacked_kit_checks_with_the_systems_own_tool(tmp_path):
    opened(pack(FILES, ABOUT)).extractall(tmp_path)
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "email" / "launch.txt").write_bytes(b"Changed\n")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_no_files_are_a_kit_of_nothing():
    assert json.loads(opened(pack({}, ABOUT)).read("manifest.json"))["files"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../up.txt",
        "a/../b",
        "a//b",
        "./a",
        "",
        "a\\b",
        "c:a",
        "new\nline",
        ".hidden",
        "a/",
        "what?",
    ],
)
def test_a_path_that_does_not_unpack_safely_is_refused(path):
    with pytest.raises(ValueError, match="no path that unpacks safely"):
        pack({path: b""}, {})


@pytest.mark.parametrize("paths", [["A.txt", "a.txt"], ["manifest.json"], ["Sha256Sums"]])
def test_a_path_that_takes_the_place_of_another_is_refused(paths):
    with pytest.raises(ValueError, match="takes the place of"):
        pack(dict.fromkeys(paths, b""), {})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.ics", "text/calendar"),
        ("a.md", "text/markdown"),
        ("a.html", "text/html"),
        ("a", "application/octet-stream"),
    ],
)
def test_media_types_are_known_by_ending(path, expected):
    assert media_type(path) == expected
