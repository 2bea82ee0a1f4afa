"""A kit of files as one archive with a manifest, the same bytes for the same files.

``sha256sum --check SHA256SUMS`` checks an unpacked kit without any of our code.
"""

from __future__ import annotations

import hashlib
import io
import json
import mimetypes
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

MANIFEST, CHECKSUMS = "manifest.json", "SHA256SUMS"

# The first moment a ZIP file can tell. The time of packing is no part of what is packed.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE_FILE = 0o100644 << 16


def pack(files: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """A ZIP of ``files`` (path → content) with manifest and checksums; ``about`` opens the manifest.

    Stored, not deflated: compressors of different machines give different bytes. Raises ValueError naming
    all paths that would not unpack safely everywhere, or take the place of another.
    """
    if problems := find_problems(files):
        raise ValueError(" ".join(problems))
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    listed = [
        {"path": path, "media_type": media_type(path), "bytes": len(files[path]), "sha256": digest}
        for path, digest in sums.items()
    ]
    manifest = json.dumps({**about, "files": listed}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    sums[MANIFEST] = hashlib.sha256(manifest.encode()).hexdigest()
    checksums = "".join(f"{digest}  {path}\n" for path, digest in sums.items())
    content = {**files, MANIFEST: manifest.encode(), CHECKSUMS: checksums.encode()}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(content):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE_FILE
            packed.writestr(entry, content[path])
    return archive.getvalue()


def find_problems(paths: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with the paths, a sentence each."""
    found = []
    folded: dict[str, str] = {MANIFEST.casefold(): MANIFEST, CHECKSUMS.casefold(): CHECKSUMS}
    for path in sorted(paths):
        is_plain = (
            path == str(PurePosixPath(path)) and ".." not in path.split("/") and path[:1] not in ("/", ".")
        )
        if not is_plain or set(path) & set('\\:*?"<>|') or not path.isprintable():
            found.append(f"{path!r} is no path that unpacks safely everywhere.")
        if (other := folded.setdefault(path.casefold(), path)) != path or path in (MANIFEST, CHECKSUMS):
            found.append(f"{path!r} takes the place of {other!r}.")
    return tuple(found)


def media_type(path: str) -> str:
    """The media type by the file's ending, from Python's own table, whatever the machine's says."""
    guessed, _ = _TYPES.guess_type(path)
    return guessed or "application/octet-stream"


_TYPES = mimetypes.MimeTypes()
_TYPES.add_type("text/calendar", ".ics")
_TYPES.add_type("text/markdown", ".md")
