"""Bytes to UTF-8 text, in chunks: gzip with limits, byte order marks, encodings, refusal of binaries."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from programs.datasets.loading.encodings import ENCODINGS, LIKELY
from programs.datasets.loading.limits import MEBIBYTE, Limits
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import refuse

CHUNK = MEBIBYTE
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
AROUND = 12


@dataclass(frozen=True, slots=True)
class Digest:
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DecodedText:
    """``encoding`` is what the text was written in; ``is_cut``: only its beginning was decoded."""

    encoding: str
    is_cut: bool = False


def digest_file(source: Source, limits: Limits) -> Digest:
    """SHA-256 and size of the file as it came. Raises DatasetProblems for an empty or too large file."""
    size = source.path.stat().st_size
    if size == 0:
        raise refuse(source.label, "The file is empty.", code="empty_file")
    if size > limits.file_bytes:
        raise refuse(
            source.label,
            f"The file has {size:,} bytes; at most {limits.file_bytes:,} are accepted.",
            code="file_too_large",
            hint="Split the file by month and load the parts together, or load Parquet.",
        )
    with source.path.open("rb") as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest(), size)


def to_utf8(
    source: Source,
    target: Path,
    encoding: str,
    limits: Limits,
    *,
    quotes_close: bool = True,
    most: int = 0,
) -> DecodedText:
    """Write the text of ``source`` to ``target`` as UTF-8 without a mark.

    ``quotes_close``: refuse a text with a quote that is never closed. ``most``: stop after about so many
    bytes, at the end of a record.
    """
    with source.path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    open_bytes = gzip.open if packed else open
    allowed = limits.unpacked_bytes
    if packed:
        allowed = min(allowed, max(source.path.stat().st_size * limits.unpack_ratio, MEBIBYTE))
    name = source.label
    unpacked = 0
    quotes = lines = 0
    cut = False
    with open_bytes(source.path, "rb") as stream, target.open("wb") as out:
        try:
            chunk = stream.read(CHUNK)
            encoding = _encoding(name, chunk, encoding)
            decoder = codecs.getincrementaldecoder(encoding)()
            while chunk:
                unpacked += len(chunk)
                if unpacked > allowed:
                    raise refuse(
                        name, f"The file unpacks to more than {allowed:,} bytes.", code="unpacks_too_large"
                    )
                text = decoder.decode(chunk)
                if cut := 0 < most <= unpacked:
                    text = _whole_records(text, quotes)
                if "\x00" in text:
                    raise refuse(
                        name,
                        "The file is binary, not text.",
                        code="binary",
                        allowed=("CSV", "CSV in gzip", "JSONL", "Parquet", "XLSX"),
                    )
                quotes += text.count('"')
                lines += text.count("\n")
                out.write(text.encode())
                chunk = b"" if cut else stream.read(CHUNK)
            if not cut:
                out.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise _undecodable(name, encoding, error, lines) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise refuse(name, f"The gzip file is damaged: {error}.", code="damaged") from error
    if quotes_close and quotes % 2 and not cut:
        raise refuse(
            name,
            'An opening quote (") is never closed, so rows cannot be told apart.',
            code="open_quote",
            hint='Inside a quoted value a quote is written twice: "5"" pipe".',
        )
    return DecodedText(encoding, cut)


def _whole_records(text: str, quotes: int) -> str:
    """The text up to its last line break that is not between quotes; ``quotes`` were counted before it."""
    end = text.rfind("\n")
    while end >= 0:
        if (quotes + text.count('"', 0, end)) % 2 == 0:
            return text[: end + 1]
        end = text.rfind("\n", 0, end)
    return text


def _undecodable(name: str, encoding: str, error: UnicodeError, lines: int) -> DatasetProblems:
    """The question which encoding it is, with the place and how each likely one would read it."""
    if not isinstance(error, UnicodeDecodeError):
        return refuse(name, f"The text is not {encoding}: {error}.", code="encoding", allowed=ENCODINGS)
    row = lines + error.object.count(b"\n", 0, error.start) + 1
    start = max(error.object.rfind(b"\n", 0, error.start) + 1, error.start - AROUND)
    around = error.object[start : error.start + AROUND].split(b"\n")[0].strip()
    readings = {likely: around.decode(likely, errors="replace") for likely in LIKELY}
    shown = ", ".join(f"“{text}” in {likely}" for likely, text in readings.items() if "\ufffd" not in text)
    return refuse(
        name,
        f"The text is not {encoding}. Line {row:,} has {shown}; set the right one, as encoding=cp1252.",
        code="encoding",
        allowed=ENCODINGS,
    )


def _encoding(name: str, head: bytes, said: str) -> str:
    if said:
        if said.lower().replace("_", "-") not in ENCODINGS:
            raise refuse(name, f"“{said}” is not an encoding we read.", code="encoding", allowed=ENCODINGS)
        return said
    marked = next((encoding for mark, encoding in MARKS if head.startswith(mark)), "")
    return marked or _utf_16(head) or "utf-8"


def _utf_16(head: bytes) -> str:
    """UTF-16 without its mark: every other byte of Latin text is zero."""
    sample = head[:4096]
    if len(sample) < 4 or len(sample) % 2:
        return ""
    for encoding, zeros, letters in (
        ("utf-16-le", sample[1::2], sample[::2]),
        ("utf-16-be", sample[::2], sample[1::2]),
    ):
        if zeros.count(0) > 0.9 * len(zeros) and not letters.count(0):
            return encoding
    return ""
