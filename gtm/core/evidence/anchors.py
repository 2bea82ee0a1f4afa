"""Anchors: what a hash chain cannot show by itself, a cut tail and a chain written anew.

An anchor names the head of every chain that grew since the anchor before it, and links to that one, so the
newest root stands for every row ever written. It goes to three places: this database, a file that should
lie on other storage, and the auditors (e-mail or channel). Who alters the log must alter all three.

The idea is that of Haber and Stornetta, How to time-stamp a digital document (1991): linked digests,
published where the author cannot take them back.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet

from gtm.core import canonical, clock, events
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import changelog, checkpoints
from gtm.core.evidence.changelog import GENESIS, Break
from gtm.core.models import Anchor, AnchorCopy, ChangeLogChain, ChangeLogEntry
from gtm.core.places import messages

SEALED = ("number", "at", "previous", "heads")
FILE = "file"
MOST_ATTEMPTS = 1000  # a week of tries, every ten minutes
LONGEST_TRANSACTION = timedelta(days=1)


def anchor(*, tell_auditors: bool = True, for_a_reader: bool = False) -> Anchor:
    """Anchor all chains as they are now, sign a checkpoint over them and send the copies on their way.

    ``for_a_reader`` who waits: copies and files of other plans are left to the control worker.

    Once a day the auditors get one; those in between, at approvals, stops and ends of plans, go to the file,
    and the next day's root stands for them.
    """
    with transaction.atomic():
        changelog.lock_chain(changelog.INSTALLATION)  # two anchors at once would both follow the same one
        last = Anchor.objects.order_by("number").last()
        grown = _grown_since(last)
        sealed = {
            "number": last.number + 1 if last else 1,
            "at": canonical.rfc3339(clock.now()),
            "previous": last.root if last else GENESIS,
            "heads": grown,
        }
        made = Anchor.objects.create(**sealed, root=root_of(sealed))
        for place in places() if tell_auditors else [FILE]:
            AnchorCopy.objects.create(anchor=made, place=place)
        checkpoints.record(made)
        if not for_a_reader:
            events.publish_on_commit(events.Anchored(made.number, tuple(sorted(grown))))
    if not for_a_reader:
        deliver()
    return made


def root_of(record: Mapping[str, Any]) -> str:
    return canonical.digest({key: record[key] for key in SEALED})


def record_of(made: Anchor) -> dict[str, Any]:
    """An anchor as it stands in the file and in the auditors' mail."""
    return {key: getattr(made, key) for key in (*SEALED, "root")}


def of_chain(chain: str, *, since: datetime) -> QuerySet[Anchor]:
    """Anchors that hold a head of the chain, from ``since`` on, oldest first."""
    found = Anchor.objects.filter(at__gte=canonical.rfc3339(since), heads__has_key=chain)
    return found.order_by("number")


def holds_head(chain: str) -> bool:
    """Whether an anchor made since the chain last grew holds its newest row."""
    row = ChangeLogChain.objects.filter(pk=chain).values_list("sequence", "grown_at").first()
    if row is None:
        return True  # no row of it was ever written: there is nothing to hold
    made = of_chain(chain, since=row[1]).values_list("heads", flat=True).last()
    return made is not None and made[chain]["sequence"] == row[0]


def since(instant: datetime) -> Iterable[tuple[int, list[str]]]:
    """Number and chains of each anchor made since then, oldest first."""
    made = Anchor.objects.filter(at__gte=canonical.rfc3339(instant)).order_by("number")
    return ((number, list(heads)) for number, heads in made.values_list("number", "heads"))


def _grown_since(last: Anchor | None) -> dict[str, dict[str, Any]]:
    """Heads that no anchor holds yet. Looks back a day: a chain's time is older than its commit."""
    chains, known = ChangeLogChain.objects.filter(sequence__gt=0), {}
    if last is not None:
        look_back = datetime.fromisoformat(last.at) - LONGEST_TRANSACTION
        chains = chains.filter(grown_at__gte=look_back)
        recent = Anchor.objects.filter(at__gte=canonical.rfc3339(look_back)).order_by("number")
        for heads in recent.values_list("heads", flat=True):
            known.update({name: head["sequence"] for name, head in heads.items()})
    return {
        name: {"sequence": sequence, "hash": head}
        for name, sequence, head in chains.values_list("name", "sequence", "head")
        if known.get(name) != sequence
    }


# ------------------------------------------------------------------ the other places


def places() -> list[str]:
    return [FILE, *(a if ":" in a else f"mail:{a}" for a in settings.GTM_AUDITORS)]


def file_path() -> Path:
    return Path(settings.GTM_ANCHORS_DIR) / "anchors.jsonl"


def deliver() -> int:
    """Carry every copy that has not arrived yet. A place that fails is tried again at the next call."""
    arrived = 0
    waiting = AnchorCopy.objects.filter(delivered_at=None, attempts__lt=MOST_ATTEMPTS)
    for copy in waiting.select_related("anchor").order_by("anchor__number"):
        copy.attempts += 1
        try:
            _carry(record_of(copy.anchor), copy.place)
            copy.delivered_at, copy.error = clock.now(), ""
            arrived += 1
        except OSError as error:
            copy.error = f"The file cannot be written ({error.strerror})."
        except messages.NotDelivered as error:
            copy.error = str(error)[:240]
        copy.save()
    return arrived


def _carry(record: Mapping[str, Any], place: str) -> None:
    kind, _, address = place.partition(":")
    line = canonical.dumps(record) + b"\n"
    if kind == FILE:
        _append(line)
        return
    subject = f"Change log anchor {record['number']}: {record['root']}"
    body = (
        f"Anchor {record['number']} of {record['at']}\nroot     {record['root']}\n"
        f"previous {record['previous']}\nchains that grew: {len(record['heads'])}\n\n"
        "Keep this message. To compare the log with it, run "
        "`manage.py verify_changelog --anchors FILE`, where FILE is the attachment."
    )
    if (signed := checkpoints.note_of(record["number"])) is not None:
        body += f"\n\nThe checkpoint that the key of this installation signed with it:\n\n{signed}"
    if kind == "channel":
        messages.send_to_channel(address, subject, body)
    else:
        attachment = (f"anchor-{record['number']}.jsonl", line)
        message_id = f"anchor-{record['number']}-{record['root'][:16]}"
        messages.send_mail(address, subject, body, message_id=message_id, attachment=attachment)


def _append(line: bytes) -> None:
    """One write, on the disk before we say so."""
    path = file_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path) -> list[dict[str, Any]]:
    """The anchors of a file. Raises InvalidInput where a line is none."""
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            record = json.loads(line)
            found.append({key: record[key] for key in (*SEALED, "root")})
        except (ValueError, KeyError, TypeError) as error:
            problem = Problem("anchors", f"line {number} of {path} is not an anchor ({error!r}).")
            raise InvalidInput("The file of anchors cannot be read.", problems=[problem]) from error
    return found


# ------------------------------------------------------------------ verifying


def stored() -> list[dict[str, Any]]:
    return [record_of(made) for made in Anchor.objects.order_by("number")]


def verify(records: Iterable[Mapping[str, Any]], *, chain: str | None = None) -> list[Break]:
    """Compare anchors, wherever they were kept, with the rows of the log. All chains, or one."""
    breaks: list[Break] = []
    anchored: dict[str, dict[tuple[int, str], int]] = defaultdict(dict)
    for record in records:
        if root_of(record) != record["root"]:
            breaks.append(Break("anchors", record["number"], "its content differs from its root"))
            continue
        for name, head in record["heads"].items():
            if chain in (None, name):
                anchored[name][head["sequence"], head["hash"]] = record["number"]
    for name, heads in sorted(anchored.items()):
        breaks += _verify_chain(name, heads)
    return breaks


def _verify_chain(name: str, heads: Mapping[tuple[int, str], int]) -> Iterable[Break]:
    entries = ChangeLogEntry.objects.filter(chain=name, sequence__in={sequence for sequence, _ in heads})
    found = dict(entries.values_list("sequence", "hash"))
    for (sequence, hashed), number in sorted(heads.items()):
        if sequence not in found:
            yield Break(
                name, sequence, (f"anchor {number} covers this row, but the row is gone: the tail was cut")
            )
        elif found[sequence] != hashed:
            yield Break(name, sequence, f"anchor {number} covers another row here: the chain was rewritten")


def left_out(names: Iterable[str]) -> list[Break]:
    """Chains whose newest row no anchor holds, though anchors were made more than a day after it.

    An anchor looks for what grew by a time beside the chain, which no row tells.
    """
    made = [record for record in stored() if root_of(record) == record["root"]]  # others are told elsewhere
    if not made:
        return []
    held: dict[str, int] = {}
    for record in made:
        held.update({name: head["sequence"] for name, head in record["heads"].items()})
    before = canonical.rfc3339(datetime.fromisoformat(made[-1]["at"]) - LONGEST_TRANSACTION)
    old = ChangeLogEntry.objects.filter(chain__in=names, at__lt=before).order_by().values("chain")
    return [
        Break(row["chain"], row["last"], "no anchor holds this row, though some were made long after it")
        for row in old.annotate(last=Max("sequence"))
        if row["last"] > held.get(row["chain"], 0)
    ]


def compare(elsewhere: Iterable[Mapping[str, Any]]) -> list[Break]:
    """Compare anchors kept elsewhere with those of the database, and the links among these."""
    here = {record["number"]: record for record in stored()}
    breaks = []
    for record in elsewhere:
        mine = here.get(record["number"])
        if mine is None:
            breaks.append(
                Break(
                    "anchors", record["number"], ("it is in the copy kept elsewhere, but not in the database")
                )
            )
        elif mine["root"] != record["root"]:
            breaks.append(Break("anchors", record["number"], "it differs from the copy kept elsewhere"))
    previous = GENESIS
    for number, (at, record) in enumerate(sorted(here.items()), start=1):
        if at != number or record["previous"] != previous:
            breaks.append(Break("anchors", at, "it does not follow the anchor before it"))
        previous = record["root"]
    return breaks
