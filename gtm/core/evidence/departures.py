"""What left the house: each export, download and report is a row of the installation's log.

The row has who took it, what, in which form, and the SHA-256 of its bytes. So a copy that turns up can be
recognised, and whoever must recall a text that was erased knows where it went.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.db import models, transaction
from django.db.models import Min, Q

from gtm.core.evidence import changelog
from gtm.core.evidence.proof import Proof
from gtm.core.models import ChangeLogEntry

EXPORTED = "exported"
PLAN = "plans.plan"
MOST_BYTES = 512 << 20
LEFT, ROW = "these bytes left this house", "the SHA-256 in its row"
NO_ROW = "no row says that these bytes left this house: another house made them, or somebody altered them"
COPY = "core.copy"
"""The entity of these rows. A copy is no row of a table: its key says of which table or row it is."""


@dataclass(frozen=True, slots=True)
class LeavingCopy:
    """What leaves, in the form the change log takes. ``pk``: label of the model, and key of the row."""

    pk: str
    what: str
    _meta = SimpleNamespace(label_lower=COPY)

    def change_chain(self) -> str:
        return changelog.INSTALLATION

    def change_label(self) -> str:
        return self.what


def record(
    of: models.Model | type[models.Model],
    what: str,
    content: bytes | str,
    *,
    form: str,
    rows: int | None = None,
) -> None:
    """Say that ``content`` leaves, taken by whoever is acting: of one object, or of a table.

    ``what`` names it for a reader, ``form`` is that of the file (json, csv, xlsx, …).
    """
    raw = content.encode() if isinstance(content, str) else content
    key = _key(of._meta.label_lower, of.pk) if isinstance(of, models.Model) else of._meta.label_lower
    told: Mapping[str, Any] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw), "form": form}
    with transaction.atomic():
        changelog.append(
            LeavingCopy(key, what),
            EXPORTED,
            field="copy",
            after={**told, **({} if rows is None else {"rows": rows})},
        )


def since_told(rows: Mapping[str, Collection[int]]) -> Iterator[str]:
    """A sentence for each copy that may have what these rows of chains said, the oldest first.

    These are the copies that were taken since the first of the rows: tables and lists, and what is of the
    plans whose chains they are. What a copy says is not kept, so whoever has it must look.
    """
    these = Q()
    for chain, numbers in rows.items():
        these |= Q(chain=chain, sequence__in=numbers)
    if not these:
        return
    first = ChangeLogEntry.objects.filter(these).aggregate(first=Min("at"))["first"]
    made = ChangeLogEntry.objects.filter(chain__in=rows, entity=PLAN, event="created")
    plans = [_key(PLAN, pk) for pk in made.values_list("entity_id", flat=True)]
    copies = ChangeLogEntry.objects.filter(entity=COPY, event=EXPORTED, at__gte=first or "")
    copies = copies.filter(~Q(entity_id__startswith=_key(PLAN, "")) | Q(entity_id__in=plans))
    for entry in copies.select_related("payload").order_by("pk"):
        yield _sentence(entry)


def recognised(raw: bytes) -> list[str]:
    """A sentence for each row that says that these very bytes left the house."""
    digest = hashlib.sha256(raw).hexdigest()
    found = ChangeLogEntry.objects.filter(entity=COPY, event=EXPORTED, payload__body__to__sha256=digest)
    return [_sentence(entry) for entry in found.select_related("payload").order_by("pk")]


def prove_copy(raw: bytes) -> Proof:
    """Whether a copy is one that left the house: as a whole, or each file of an archive (zip)."""
    proof, whole = Proof(), recognised(raw)
    if whole:
        proof.prove(LEFT, f"{ROW}: {whole[0]}")
    else:
        _prove_parts(proof, raw)
    proof.leave(
        "nobody added this row to the log later", "see what verify_changelog says of the installation"
    )
    return proof


def _prove_parts(proof: Proof, raw: bytes) -> None:
    of_parts = {name: recognised(part) for name, part in _parts(raw)}
    if not any(of_parts.values()):
        proof.conclude(LEFT, "", [NO_ROW])
        return
    for name, said in of_parts.items():
        missing = [] if said else [f"{name}: {NO_ROW}"]
        proof.conclude(f"{name} in it left this house as it is", f"{ROW}: {''.join(said[:1])}", missing)


def _parts(raw: bytes) -> list[tuple[str, bytes]]:
    """The files of a zip that are small enough to be what we hand out; none where it is no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            held = archive.infolist()
            if sum(part.file_size for part in held) > MOST_BYTES:
                return []
            return [(part.filename, archive.read(part)) for part in held]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return []


def _key(label: str, pk: object) -> str:
    return f"{label} {pk}"


def _sentence(entry: ChangeLogEntry) -> str:
    where = f"row {entry.sequence} of {entry.chain}"
    body = entry.payload.body
    if body is None:
        return f"a copy of {entry.entity_id}, taken on {entry.at} ({where}, erased)"
    told = body["to"]
    rows = f", {told['rows']:,} rows" if "rows" in told else ""
    return (
        f"{body['object']} ({told['form']}{rows}), taken on {entry.at} by {body['actor']}, SHA-256 "
        f"{told['sha256']} ({where})"
    )
