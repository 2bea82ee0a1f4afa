"""Bytes to UTF-8 text, in chunks: gzip with limits, byte order marks, encodings, refusal of binaries."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from programs.datasets.loading.limits import MEBIBYTE, Limits
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import refuse

CHUNK = MEBIBYTE
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "iso-8859-15")


@dataclass(frozen=True, slots=True)
class Digest:
    sha256: str
    bytes: int


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


def to_utf8(source: Source, target: Path, encoding: str, limits: Limits) -> str:
    """Write the text of ``source`` to ``target`` as UTF-8 without a mark; return the encoding it had."""
    with source.path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    open_bytes = gzip.open if packed else open
    allowed = limits.unpacked_bytes
    if packed:
        allowed = min(allowed, max(source.path.stat().st_size * limits.unpack_ratio, MEBIBYTE))
    name = source.label
    unpacked = 0
    quotes = 0
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
                if "\x00" in text:
                    raise refuse(
                        name,
                        "The file is binary, not text.",
                        code="binary",
                        allowed=("CSV", "CSV in gzip", "JSONL", "Parquet", "XLSX"),
                    )
                quotes += text.count('"')
                out.write(text.encode())
                chunk = stream.read(CHUNK)
            out.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise refuse(
                name,
                f"The text is not {encoding}: {getattr(error, 'reason', 'it does not decode')} "
                f"in the {CHUNK:,} bytes before byte {unpacked:,}.",
                code="encoding",
                hint="Say the encoding, for example encoding=latin-1 or encoding=cp1252.",
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise refuse(name, f"The gzip file is damaged: {error}.", code="damaged") from error
    if quotes % 2:
        raise refuse(
            name,
            'An opening quote (") is never closed, so rows cannot be told apart.',
            code="open_quote",
            hint='Inside a quoted value a quote is written twice: "5"" pipe".',
        )
    return encoding


def _encoding(name: str, head: bytes, said: str) -> str:
    if said:
        if said.lower().replace("_", "-") not in ENCODINGS:
            raise refuse(name, f"“{said}” is not an encoding we read.", code="encoding", allowed=ENCODINGS)
        return said
    return next((encoding for mark, encoding in MARKS if head.startswith(mark)), "utf-8")
