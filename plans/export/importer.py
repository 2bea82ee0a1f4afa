"""Taking in an exported plan: verified before it is believed, kept as a record, never run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gtm.core import canonical
from gtm.core.errors import InvalidInput, NotFound, Problem
from gtm.core.evidence.proof import Proof
from gtm.core.models import ChangeLogEntry
from gtm.core.places import objects
from plans.export import document, files, sealing, verify
from plans.models import ImportedPlan, Plan

PLAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")


def import_document(body: Any) -> ImportedPlan:
    """Keep a document as an imported record. Raises InvalidInput with every finding.

    The same document again answers the record that is there.
    """
    return take_in(body)[0]


def take_in(body: Any) -> tuple[ImportedPlan, Proof]:
    """As ``import_document``, with what the document proves and what it does not."""
    if not isinstance(body, Mapping) or not isinstance(body.get("integrity"), Mapping):
        raise InvalidInput(
            "This is not a plan JSON.", problems=[Problem("document", "it has no integrity section.")]
        )
    made = verify.prove_document(body)
    if made.findings:
        raise InvalidInput(
            "The document is not intact. It was not imported.",
            problems=[Problem(f.where, f.message) for f in made.findings],
        )
    core = {key: value for key, value in body.items() if key != verify.IMPORT_RECORD}
    _refuse_foreign(core)
    digest = canonical.digest(core)
    known = ImportedPlan.objects.filter(sha256=digest).first()
    if known is not None:
        objects.data.put(_name(known), document.to_bytes(core))  # where it was lost, it is back
        return known, made.proof
    row = ImportedPlan(
        plan_id=core["plan_id"], sha256=digest, head=core["integrity"]["head"], status=core["status"],
        objective=core["objective"], command=core["command"]["name"],
    )  # fmt: skip
    objects.data.put(_name(row), document.to_bytes(core))  # first: a row without its document says nothing
    row.save()
    return row, made.proof


def _refuse_foreign(core: Mapping[str, Any]) -> None:
    """An id that is none, or that of a plan of this house whose log never said what the document says."""
    plan_id, chain = core["plan_id"], core["integrity"]["chain"]
    if not PLAN_ID.fullmatch(plan_id):
        told = f"{plan_id[:80]!r} is no id of a plan: letters, digits and hyphens, 60 at most."
    elif chain != files.PREFIX + plan_id:
        told = f"{plan_id} cannot have the change log of {chain!r}."
    elif Plan.objects.filter(plan_id__iexact=plan_id).exists() and not _is_ours(core):
        told = f"{plan_id} is the id of a plan of this installation, and this document differs from it."
    else:
        return
    sentence = "The document was not imported."
    raise InvalidInput(sentence, problems=[Problem("plan_id", told)])


def _is_ours(core: Mapping[str, Any]) -> bool:
    """Whether the last row of the document is a row of our log, and one that we have sealed is its seal.

    The rows before are those of the log then, and the sections are those that the seal has.
    """
    integrity, seal = core["integrity"], sealing.last_seal(core["change_log"])
    ours = ChangeLogEntry.objects.filter(
        chain=integrity["chain"], sequence=integrity["length"], hash=integrity["head"]
    )
    return seal is not None and ours.exists()


def newest_of(plan_id: str) -> ImportedPlan | None:
    """The record under this id whose log says most: one that was taken in later may be an older version."""
    rows = list(ImportedPlan.objects.filter(plan_id=plan_id).order_by("pk"))
    if len(rows) < 2:
        return rows[0] if rows else None
    return max(rows, key=lambda row: (len(export_imported(row)["change_log"]), row.pk))


def export_imported(row: ImportedPlan) -> dict[str, Any]:
    """The document as it came, with its import record: who took it in, and when."""
    body = json.loads(objects.data.read(_name(row)))
    if canonical.digest(body) != row.sha256:
        raise NotFound(
            f"The document of {row.plan_id} differs from the one that was imported.",
            hint="Restore GTM_DATA_DIR, or the object store, from its backup; or import the document again.",
        )
    body[verify.IMPORT_RECORD] = {"imported_at": canonical.rfc3339(row.created_at), "sha256": row.sha256}
    return body


def _name(row: ImportedPlan) -> str:
    return f"imported/{row.sha256}.json"
