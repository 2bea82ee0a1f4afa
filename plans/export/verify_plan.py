"""Verify a plan JSON on a machine that has nothing of the project: Python 3.11 and this file.

    python verify_plan.py FILE [--key KEY …] [--witness KEY … [--quorum N]] [--anchors FILE]

Signatures also need the package `cryptography`. A KEY is the text of a public key, or a file with one a line,
each with the time when it was retired where it was (`KEY until 2026-11-30T10:00:00Z`; # begins a remark). Get
it in another way than the plan. One KEY of the installation is enough; each witness must have signed, or N of
them. Ends with what is proved, by what, and what is not, and why. Exit code 0:
nothing contradicts, and all you asked for is proved. 1: it is not. 2: something cannot be read.

FILE is a plan JSON, or a DSSE envelope of one. It checks no timestamps (RFC 3161).

It shares no code with `manage.py verify_changelog`, so that a fault of one is not a fault of both. What it
does not check is whether the document follows the published schema.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # said where a signature is asked for
    Ed25519PublicKey = None  # type: ignore[assignment,misc]

GENESIS = "0" * 64
HEADER = ("at", "chain", "entity", "entity_id", "event", "request_id", "sequence", "via")
PAYLOAD = ("actor", "actor_id", "field", "from", "object", "on_behalf_of", "reason", "to")
ROW = {*HEADER, *PAYLOAD, "fields", "salt", "erased", "payload_hash", "previous_hash", "hash"}
INTEGRITY = {
    "algorithm", "canonicalization", "chain", "head", "length", "seed", "sections", "versions", "anchors",
    "checkpoint", "seal",
}  # fmt: skip
ANCHOR, HEAD = {"at", "heads", "number", "previous", "root"}, {"sequence", "hash"}
CHECKPOINT = {"note", "keys", "number", "sequence", "hash", "path"}
RECORD = {"imported_at", "sha256"}
EXACT = 2**53
LAST_SECOND = 253_402_300_799
PAYLOAD_TYPE = "application/vnd.gtm-governance.plan+json"
UNSEALED = ("change_log", "integrity")
Found = list[str]
Signer = tuple[str, int, datetime | None]
"""The name of a key that signed, when (0 where it does not say), and when it was retired."""


class ReadersOwn(NamedTuple):
    """What the reader kept. None: not given."""

    anchors: list[Any] | None = None
    keys: list[str] | None = None
    witnesses: list[str] | None = None
    quorum: int | None = None
    """How many of the witnesses must have signed. None: each of them."""


NOTHING = ReadersOwn()


class Unreadable(Exception):
    """Something that was given cannot be read: exit code 2."""


class Lists:
    """What contradicts, what is proved and by what, what is not and why, and whether it was asked for."""

    def __init__(self) -> None:
        self.findings: Found = []
        self.proved: list[tuple[str, str]] = []
        self.not_proved: list[tuple[str, str, bool]] = []

    def conclude(self, what: str, by: str, found: Found) -> None:
        self.findings += found
        if found:
            self.leave(what, "it is contradicted, see above")
        else:
            self.proved.append((what, by))

    def leave(self, what: str, why: str, asked: bool = False) -> None:
        self.not_proved.append((what, why, asked))

    @property
    def holds(self) -> bool:
        return not self.findings and not any(asked for _, _, asked in self.not_proved)


# ---------------------------------------------------------------- canonical JSON (RFC 8785)


def canonical(value: Any) -> bytes:
    return _text(value).encode()


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        if abs(value) >= EXACT:
            raise ValueError(f"{value} is larger than JSON readers hold exactly")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{_text(key)}:{_text(value[key])}" for key in keys) + "}"


def _number(value: float) -> str:
    """A float as ECMAScript writes it."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    sign, (mantissa, _, exponent) = "-" * (value < 0), repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


# ---------------------------------------------------------------- the document


def parse(raw: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key is there twice in one object")
        return dict(pairs)

    return json.loads(raw, object_pairs_hook=once)


def prove(raw: bytes, kept: ReadersOwn = NOTHING, *, is_inside: bool = False) -> Lists:
    """Check a file, with what the reader kept. ``is_inside``: it came out of an envelope."""
    lists = Lists()
    try:
        body = parse(raw)
        if isinstance(body, dict) and "payloadType" in body and not is_inside:
            return prove_envelope(body, kept)
        if not isinstance(body, dict) or not isinstance(body.get("integrity"), dict):
            raise ValueError("the file is not a plan JSON: it has no integrity section")
        _prove(body, lists, kept)
    except Unreadable:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError) as error:
        lists.conclude("the document", "", [f"it cannot be read as a plan ({error!r})"])
    if not lists.findings:
        form = json.dumps(spelled(body), sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
        said = "the text differs from the form in which the plan was written"
        what = "the text has the form in which plans are written"
        lists.conclude(what, "each byte", [said] * (form != raw))
    return lists


def prove_envelope(body: dict[str, Any], kept: ReadersOwn) -> Lists:
    """Check a plan JSON that travels in a DSSE envelope (github.com/secure-systems-lab/dsse)."""
    if {*body} - {"timestamps"} != {"payload", "payloadType", "signatures"}:
        raise ValueError("the envelope has other parts than payload, payloadType, signatures and timestamps")
    if body["payloadType"] != PAYLOAD_TYPE:
        raise ValueError(f"the envelope holds {body['payloadType']!r}, not a plan JSON")
    if any({*one} != {"keyid", "sig"} for one in body["signatures"]):
        raise ValueError("a signature has other parts than keyid and sig")
    if any({*one} != {"rfc3161"} for one in body.get("timestamps", ())):
        raise ValueError("a timestamp has other parts than rfc3161")
    payload = base64.b64decode(body["payload"], validate=True)
    made = {one["keyid"]: base64.b64decode(one["sig"], validate=True) for one in body["signatures"]}
    if len(made) != len(body["signatures"]):
        raise ValueError("a key has two signatures")
    stamps = [base64.b64decode(one["rfc3161"], validate=True) for one in body.get("timestamps", ())]
    lists = prove(payload, kept, is_inside=True)
    what = "the installation signed this envelope"
    last = "" if lists.findings else latest(json.loads(payload)["change_log"])
    by, wrong = check_envelope(made, payload, kept.keys or [], last)
    if kept.keys is None:
        lists.leave(what, "no key that you kept was given (--key)")
    elif by or wrong:
        lists.conclude(what, f"its signature {' and '.join(by)}", wrong)
        if not wrong and all(by.values()):
            why = "whoever has a retired key can sign later; this program checks no timestamps"
            lists.leave("the envelope was signed before its key was retired", why)
    else:
        lists.leave(what, "it is not signed with a key that you gave", asked=True)
    why = "this program checks none: use manage.py verify_changelog --tsa" if stamps else "it has none"
    lists.leave("the envelope existed at the time of a timestamp", why)
    return lists


def check_envelope(
    made: dict[str, bytes], payload: bytes, keys: list[str], last: str
) -> tuple[dict[str, datetime | None], Found]:
    """Which of the keys signed the envelope, with when they were retired, and which signatures do not fit."""
    if keys and Ed25519PublicKey is None:
        raise Unreadable("to check a signature, install the package cryptography")
    signed = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    by: dict[str, datetime | None] = {}
    wrong: Found = []
    for name, own, kind, public, until in map(read_key, keys):
        keyid = f"{name}+{own.hex()}"
        if kind != 1 or keyid not in made:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(made[keyid], signed)
            by[keyid] = until
        except InvalidSignature:
            wrong.append(f"envelope: the signature of {keyid} does not fit to the envelope")
    if by and last and is_late(by.values(), last):
        wrong.append(f"envelope: its key was retired before a row of {last} in it")
    return by, wrong


def latest(log: list[Any]) -> str:
    """Of the row that says the latest time: the last row could be dated back alone."""
    return str(max((row["at"] for row in log), key=datetime.fromisoformat))


def is_late(ends: Iterable[datetime | None], at: str) -> bool:
    """Whether every key that signed was retired before that time."""
    return all(end is not None and end < datetime.fromisoformat(at) for end in ends)


def spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else value


def _prove(body: dict[str, Any], lists: Lists, kept: ReadersOwn) -> None:
    whole, body = body, {key: value for key, value in body.items() if key != "import_record"}
    integrity, log = body["integrity"], body["change_log"]
    if "import_record" in whole:
        record = whole["import_record"]
        wrong = ["import_record: it was written for another document"] * (record["sha256"] != digest(body))
        wrong += more("import_record", record, RECORD)
        if wrong:
            lists.conclude("the import record", "", wrong)
        why = "its import record stands outside every seal: whoever has the file can write one"
        lists.leave("who took this document in, and when", why)
    if unknown := unsealed_parts(integrity, log):
        lists.conclude("what no seal covers has only the parts of a plan", "", unknown)
    if digest({key: value for key, value in integrity.items() if key != "seal"}) != integrity.get("seal"):
        lists.conclude("the integrity section", "", ["integrity: the section itself was changed"])
    sections = {key: digest(value) for key, value in body.items() if key != "integrity"}
    differing = differences(sections, integrity["sections"])
    damaged = [f"{key}: its content differs from what was recorded" for key in differing]
    lists.conclude("no section was damaged on the way", "the digests in the file", damaged)
    rows = f"rows 1 to {len(log)} of the change log follow each other, and erased ones are on record"
    lists.conclude(rows, "the hash chain", check_rows(log, integrity))
    for row in log:
        if is_erasure(row):
            what = f"what rows {', '.join(map(str, row['from']))} of the change log said"
            when = f"{row['at'][:10]} (row {row['sequence']})"
            lists.leave(what, f"{row['actor']} erased them on {when}: {row['reason']}")
    seals = [row for row in log if is_row(row, "plans.plan", "sealed") and not row["erased"]]
    check_seal(body, log, seals, sections, lists)
    check_text(body, bool(seals), lists)
    hashes = {row["sequence"]: row["hash"] for row in log}
    sealed = seals[-1]["sequence"] if seals else 0
    check_anchors(integrity, hashes, sealed, kept.anchors, lists)
    check_checkpoint(integrity, log, sealed, kept, lists)
    why = "a file cannot show what came after it: ask the installation for the last row of this log"
    lists.leave("this is the newest version of the plan", why)


def more(where: str, part: dict[str, Any], known: set[str]) -> Found:
    return [f"{where}: {name!r} is no part of a plan" for name in sorted({*part} - known)]


def unsealed_parts(integrity: dict[str, Any], log: list[Any]) -> Found:
    """What somebody added where neither a seal nor a hash covers it."""
    found = more("integrity", integrity, INTEGRITY)
    if integrity["algorithm"] != "SHA-256" or integrity["canonicalization"] != "RFC 8785":
        found.append("integrity: it names other methods than SHA-256 and RFC 8785")
    numbers = [anchor["number"] for anchor in integrity["anchors"]]
    if len({*numbers}) != len(numbers):
        found.append("integrity/anchors: an anchor is there twice")
    for anchor in integrity["anchors"]:
        where = f"integrity/anchors/{anchor['number']}"
        found += more(where, anchor, ANCHOR)
        found += [each for head in anchor["heads"].values() for each in more(where, head, HEAD)]
    found += more("integrity/checkpoint", integrity.get("checkpoint") or {}, CHECKPOINT)
    for number, row in enumerate(log, start=1):
        found += more(f"change_log row {number}", row, ROW)
        if not isinstance(row["erased"], bool):
            found.append(f"change_log row {number}: it does not say whether it is erased")
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted({key for key, _ in one.items() ^ other.items()})


def is_row(row: Any, entity: str, event: str) -> bool:
    return bool(row["entity"] == entity and row["event"] == event)


def is_erasure(row: Any) -> bool:
    return is_row(row, "core.changelogchain", "erased") and not row["erased"]


def check_rows(log: list[Any], integrity: dict[str, Any]) -> Found:
    """Numbers, links, hashes, and that a later row names each erased one, and none that speaks."""
    found, previous, blank, erased = [], GENESIS, {}, set()
    for number, row in enumerate(log, start=1):
        where = f"change_log row {number}"
        if (row["sequence"], row["chain"], row["previous_hash"]) != (number, integrity["chain"], previous):
            found.append(f"{where}: it does not follow the row before it")
        if row["erased"]:
            erased.add(number)
            blank[number] = f"{where}: it is erased, but no row records its erasure"
            if row["event"] in ("sealed", "erased"):
                found.append(f"{where}: it is a seal or an erasure, which nobody may erase")
            if row["salt"] is not None or any(row.get(key) is not None for key in (*PAYLOAD, "fields")):
                found.append(f"{where}: it is marked as erased, but still has content")
        else:
            said = {key: row[key] for key in PAYLOAD}
            said |= {"fields": row["fields"]} if row.get("fields") is not None else {}
            if hashlib.sha256(row["salt"].encode() + canonical(said)).hexdigest() != row["payload_hash"]:
                found.append(f"{where}: its content differs from what was hashed")
            if is_erasure(row):
                for named in row["from"]:
                    blank.pop(named, None)
                    if named not in erased:
                        found.append(
                            f"change_log row {named}: row {number} says it was erased, and it is not"
                        )
        header = canonical({key: row[key] for key in HEADER})
        linked = row["previous_hash"].encode() + header + row["payload_hash"].encode()
        if hashlib.sha256(linked).hexdigest() != row["hash"]:
            found.append(f"{where}: its header differs from what was hashed")
        previous = row["hash"]
    if (previous, len(log)) != (integrity["head"], integrity["length"]):
        found.append("change_log: its end is not the one that was recorded")
    return found + list(blank.values())


def check_seal(
    body: dict[str, Any], log: list[Any], seals: list[Any], sections: dict[str, str], lists: Lists
) -> None:
    what = "every section says what it said when it was sealed"
    is_of_today = any(is_row(row, "plans.plan", "created") and row["to"] for row in log)
    if not seals:
        if is_of_today:
            lists.conclude(what, "", ["change_log: no row seals this document, and one should"])
        else:
            lists.leave(what, "no row seals a document: it was written before there were seals")
        return
    now = {key: hashed for key, hashed in sections.items() if key not in UNSEALED}
    now |= {f"integrity/{key}": digest(body["integrity"].get(key)) for key in ("seed", "versions")}
    row = f"row {seals[-1]['sequence']} of the change log"
    found = [f"{key}: it is not what {row} sealed" for key in differences(seals[-1]["to"], now)]
    lists.conclude(what, f"the seal in {row}", found)
    if not is_of_today:
        first = seals[0]["sequence"]
        why = f"row {first} is the first seal: the plan began before there were any"
        if any(row["erased"] and row["event"] == "created" for row in log):
            why = f"row {first} is the first seal; a row of a creation is erased, so one may be missing"
        lists.leave(f"what its documents said before row {first}", why)


# ---------------------------------------------------------------- the text against the rows


def check_text(body: dict[str, Any], is_sealed: bool, lists: Lists) -> None:
    log = body["change_log"]
    told = [each for row in log if is_erasure(row) for each in row["to"].items()]
    kept = {int(number): state for number, state in told if isinstance(state, str)}
    moves = [
        kept.get(row["sequence"], row["to"])
        for row in log
        if row["entity"] == "plans.plan" and (row["field"] == "state" or row["sequence"] in kept)
    ]
    wrong = ["status: it is not where the change log leads"] * bool(moves and moves[-1] != body["status"])
    _compared(lists, "status", wrong, len(moves[-1:]), not moves)
    command, plan = body["command"], next(iter(last_told(log, "plans.plan").values()), {})
    texts = {
        "inputs": command["inputs"], "plugin": command["plugin"], "command": command["name"],
        "usage": command["usage"], "objective": body["objective"], "complexity": body["complexity"],
        "strategy": body["strategy"], "datasets": body["datasets"], "checklist": body["review_checklist"],
        "seed": body["integrity"]["seed"],
    }  # fmt: skip
    known = {name: text for name, text in texts.items() if name in plan or "" in plan}
    wrong = [
        f"{name}: it is not the one in the log" for name, t in known.items() if not same(t, plan.get(name))
    ]
    name = "command, inputs, data sets and checklist"
    _compared(lists, name, wrong, len(known), len(texts) - len(known))
    check_outputs(body, lists)
    check_listed(body, lists)
    check_calls(body, lists)
    check_votes(body, is_sealed, lists)


def check_outputs(body: dict[str, Any], lists: Lists) -> None:
    log, wrong, compared, unknown = body["change_log"], [], 0, 0
    labels = {row["entity_id"]: row["object"] for row in log if row["entity"] == "plans.task"}
    told = {labels.get(pk): columns for pk, columns in last_told(log, "plans.task").items()}
    for task in [task for stage in body["stages"] for task in stage["tasks"]]:
        label = f"task {task['task_id']} {task['name']}"
        columns = told.get(label, {})
        if "output" not in columns and "" not in columns:
            unknown += task["output"] is not None
        elif same(task["output"], columns.get("output")):
            compared += 1
        else:
            wrong.append(f"stages/{label}: its output is not the one in the change log")
    _compared(lists, "outputs of tasks", wrong, compared, unknown)


def check_listed(body: dict[str, Any], lists: Lists) -> None:
    told, wrong, compared, unknown = last_told(body["change_log"], "plans.artifact"), [], 0, 0
    for output in body.get("outputs", ()):
        columns = told.get(str(output["id"]))
        if columns is None and told:
            wrong.append(f"outputs: no row of the change log says that output {output['id']} was made")
        elif columns is None or "" not in columns:
            unknown += 1
        elif all(same(output[name], columns.get(name)) for name in ("key", "title", "kind", "sha256")):
            compared += 1
        else:
            wrong.append(f"outputs: output {output['id']} is not the one in the change log")
    _compared(lists, "list of outputs", wrong, compared, unknown)


def check_calls(body: dict[str, Any], lists: Lists) -> None:
    rows = list(last_told(body["change_log"], "plans.toolcall").values())
    unknown, wrong, compared = sum("" not in row for row in rows), [], 0
    parts = (
        "tool", "work", "performed_by", "arguments_sha256", "outcome", "said", "result_sha256", "started_at",
    )  # fmt: skip
    for hook in body["tool_hooks"]:
        for call in [{**call, "tool": hook["tool"]} for call in hook.get("calls", ())]:
            fits = [row for row in rows if all(same(call[part], row.get(part)) for part in parts)]
            if fits:
                rows.remove(fits[0])
                compared += 1
            else:
                wrong.append(f"tool_hooks: no row records the call of {hook['tool']} at {call['started_at']}")
    _compared(lists, "calls of tools", wrong[unknown:], compared, unknown)


def check_votes(body: dict[str, Any], is_sealed: bool, lists: Lists) -> None:
    wrong, compared, unknown = [], 0, 0
    there: dict[tuple[Any, ...], list[str]] = {}
    for approval in body["approvals"]:
        for vote in approval["decisions"]:
            key = (approval["gate"], approval["round"], vote["decision"], vote["at"], vote["scope_sha256"])
            there.setdefault(key, []).append(vote["person"])
    for row in [row for row in body["change_log"] if is_row(row, "plans.decision", "created")]:
        if row.get("fields") is None:
            unknown += 1
            continue
        gate, number, person = vote_of(row)
        columns = {name: sides["to"] for name, sides in row["fields"].items()}
        key = (gate, number, columns["kind"], columns["decided_at"], columns.get("scope_sha256", ""))
        if not (people := there.get(key, [])):
            wrong.append(f"approvals: row {row['sequence']} of the change log is not there")
            continue
        compared += 1
        if person in people:
            people.remove(person)
        elif people.pop() and not is_sealed:
            wrong.append(f"approvals: row {row['sequence']} of the change log is a vote of {person}")
    extra = [key for key, people in there.items() for _ in people]
    wrong += [f"approvals: the change log has no vote {key}" for key in extra[: max(0, len(extra) - unknown)]]
    _compared(lists, "votes", wrong, compared, unknown)


def vote_of(row: dict[str, Any]) -> tuple[str, int, str]:
    if row["to"] is not None:
        return row["to"]["gate"], row["to"]["round"], row["to"]["person"]
    person, _, round_ = row["object"].removeprefix("decision of ").rpartition(" on approval ")
    gate, _, number = round_.rpartition(" round ")
    return gate, int(number), person


def _compared(lists: Lists, name: str, wrong: Found, compared: int, unknown: int) -> None:
    if compared or wrong:
        lists.conclude(f"{name} as in the change log", f"its rows, {compared} compared", wrong)
    if unknown:
        why = "the row is erased, or was written before rows recorded it"
        lists.leave(f"{name}: {int(unknown)} not compared with the change log", why)


def last_told(log: list[Any], entity: str) -> dict[str, dict[str, Any]]:
    """Object → column → what was told last. The key "" says that all columns are told since its creation."""
    found: dict[str, dict[str, Any]] = {}
    for row in [row for row in log if row["entity"] == entity and row["event"] != "refused"]:
        columns = found.setdefault(row["entity_id"], {})
        if row["erased"]:
            columns.clear()
        elif row.get("fields") is not None:
            retold = row["event"] == "text erased" and row["to"]["in_full"] is True
            columns |= {"": True} if row["event"] == "created" or retold else {}
            columns |= {row["field"]: row["to"]} if row["event"] == "changed" else {}
            columns |= {name: sides["to"] for name, sides in row["fields"].items()}
    return found


def same(text: Any, told: Any) -> bool:
    if told is None:
        return text in (None, "", [], {}) or text == 0 and text is not False
    if isinstance(told, str):
        return bool(str(text) == told or told == f"sha256:{digest(text)}")
    return digest(text) == digest(told)


# ---------------------------------------------------------------- anchors, checkpoint, signatures


def check_anchors(
    integrity: dict[str, Any], hashes: dict[int, str], sealed: int, kept: list[Any] | None, lists: Lists
) -> None:
    chain, what = integrity["chain"], "nobody has written the change log anew"
    if integrity["anchors"]:
        by = "their roots, which anybody can make anew: those that you kept (--anchors) prove more"
        found = matched(integrity["anchors"], chain, hashes, "anchor")
        lists.conclude(f"{len(integrity['anchors'])} anchors in the file saw these rows", by, found)
    if kept is None:
        lists.leave(what, "no anchors that you kept were given (--anchors)")
        return
    mine = [record for record in kept if chain in record["heads"]]
    if not mine:
        lists.leave(what, f"none of the {len(kept)} anchors that you kept names {chain}", True)
        return
    last = max(record["heads"][chain]["sequence"] for record in mine)
    by = f"{len(mine)} anchors that you kept, up to row {last}"
    found = matched(mine, chain, hashes, "kept anchor")
    lists.conclude(f"{what} up to row {last}", by, found)
    if last < len(hashes):
        is_missed, why = last < sealed, "no anchor that you kept saw later rows"
        why += ", and the seal of this text is among them" * is_missed
        lists.leave(f"{what} after row {last}", why, is_missed)


def matched(records: list[Any], chain: str, hashes: dict[int, str], name: str) -> Found:
    found = []
    for record in records:
        said = {key: record[key] for key in ("at", "heads", "number", "previous")}
        seen = record["heads"].get(chain)
        if digest(said) != record["root"]:
            found.append(f"{name} {record['number']}: its content differs from its root")
        elif seen is None:
            found.append(f"{name} {record['number']}: it saw no row of {chain}")
        elif (seen["sequence"], seen["hash"]) not in hashes.items():
            found.append(f"{name} {record['number']}: it covers another row than the one here")
    return found


def check_checkpoint(
    integrity: dict[str, Any], log: list[Any], sealed: int, kept: ReadersOwn, lists: Lists
) -> None:
    part, note, row, found = integrity.get("checkpoint"), "", 0, []
    if part is not None:
        note, row = part["note"], part["sequence"]
        try:
            found = included(part, integrity["chain"], {row["sequence"]: row["hash"] for row in log})
        except ValueError as error:
            found = [f"integrity/checkpoint: {error}"]
        by = "its inclusion proof; who signed is another question"
        lists.conclude(f"the checkpoint in the file has row {row}", by, found)
    who = signers(note, kept.keys or [], 1) if note and not found else []
    seen = signers(note, kept.witnesses or [], 4) if note and not found else []
    check_signed(part, row, log, sealed, kept.keys, who, seen, lists)
    check_witnessed(note, row, len(log), sealed, kept, seen, lists)


def check_signed(
    part: Any, row: int, log: list[Any], sealed: int, keys: Any, who: list[Signer], seen: Any, lists: Lists
) -> None:
    what = "the installation signed this change log"
    if part is None:
        lists.leave(what, "the document has no checkpoint", keys is not None)
    elif keys is None:
        lists.leave(what, f"no key that you kept was given (--key); the document names {part['keys']}")
    elif not who:
        lists.leave(what, "it is not signed by it", True)
    elif is_late((until for *_, until in who), latest(log[:row])):
        told = f"its key was retired before a row of {latest(log[:row])} that it signed"
        lists.conclude(what, "", [f"integrity/checkpoint: {told}"])
    else:
        lists.conclude(f"{what} up to row {row}", f"the signature of {who[0][0]}", [])
        leave_later(f"rows after {row}", row, len(log), sealed, lists)
        if len(ends := [until for *_, until in who if until is not None]) == len(who):
            check_in_time(ends, seen, lists)


def check_witnessed(
    note: str, row: int, length: int, sealed: int, kept: ReadersOwn, seen: list[Signer], lists: Lists
) -> None:
    what = "a witness saw the log grow to this checkpoint"
    if not seen:
        is_asked, why = kept.witnesses is not None, "it has not signed"
        lists.leave(what, why if is_asked else "no key of a witness was given (--witness)", is_asked)
        return
    late = [name for name, seconds, until in seen if until is not None and seconds > until.timestamp()]
    if late:
        told = f"the witness {late[0]} signed after its key was retired"
        lists.conclude(what, "", [f"integrity/checkpoint: {told}"])
        return
    for name, seconds, _ in seen:
        at = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
        origin = note.partition("\n")[0]
        lists.conclude(what, f"the cosignature of {name} at {at}, under the log {origin}", [])
    named = {read_key(line)[:4]: line for line in kept.witnesses or ()}
    missing = [
        f"{name}+{own.hex()}" for (name, own, *_), line in named.items() if not signers(note, [line], 4)
    ]
    if missing:
        why = f"no cosignature in the document is of {', '.join(missing)}"
        is_too_few = len(named) - len(missing) < (kept.quorum or len(named))
        lists.leave("the other witnesses that you named saw it", why, is_too_few)
    leave_later(f"rows after {row}, of which the witness saw none", row, length, sealed, lists)


def leave_later(rows: str, last: int, length: int, sealed: int, lists: Lists) -> None:
    if last < length:
        what = "and the seal of this text" if last < sealed else "which change nothing that is sealed"
        lists.leave(f"{rows}, {what}", f"the checkpoint was made after row {last}", last < sealed)


def check_in_time(ends: list[datetime], seen: list[Signer], lists: Lists) -> None:
    """Who has a retired key can sign later and date rows back, but not make a witness sign earlier."""
    what = "it was signed before its key was retired"
    last = max(ends).timestamp()
    if any(seconds <= last for _, seconds, _ in seen):
        lists.conclude(what, "the time of a witness that you named", [])
    else:
        lists.leave(what, "whoever has a retired key can sign later and date rows back: see --witness")


def included(part: dict[str, Any], chain: str, hashes: dict[int, str]) -> Found:
    """The inclusion proof (RFC 9162, 2.1.3.2) from the row of the chain to the root in the note."""
    where, found = "integrity/checkpoint", []
    if (part["sequence"], part["hash"]) not in hashes.items():
        found.append(f"{where}: it has another row of the change log than the one here")
    size, root = tree_head(part["note"])
    leaf = canonical({"chain": chain, "hash": part["hash"], "sequence": part["sequence"]})
    here = hashlib.sha256(b"\x00" + leaf).digest()
    first, last = part["number"], size - 1
    fits = 0 <= first <= last
    for other in map(bytes.fromhex, part["path"]):
        fits = fits and last > 0
        if first % 2 or first == last:
            here = hashlib.sha256(b"\x01" + other + here).digest()
            while first % 2 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            here = hashlib.sha256(b"\x01" + here + other).digest()
        first, last = first >> 1, last >> 1
    if not fits or last != 0 or here != root:
        found.append(f"{where}: its proof does not lead to its root")
    return found + misnamed(part["note"], part["keys"])


def note_parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a signed note (c2sp.org/signed-note), and name and bytes of each signature."""
    text, _, lines = note.rpartition("\n\n")
    *signed, last = lines.split("\n")
    named = [line.removeprefix("— ").partition(" ") for line in signed]
    found = [(name, base64.b64decode(encoded, validate=True)) for name, _, encoded in named]
    is_well_formed = signed and not last and all(line.startswith("— ") for line in signed)
    if not is_well_formed or any(not name or len(raw) <= 4 for name, raw in found):
        raise ValueError("the checkpoint is no signed note")
    return f"{text}\n", found


def tree_head(note: str) -> tuple[int, bytes]:
    """How many leaves a checkpoint has, and the root over them (c2sp.org/tlog-checkpoint)."""
    origin, size, root, *_ = note_parts(note)[0].split("\n")
    raw = base64.b64decode(root, validate=True)
    if not origin or str(int(size)) != size or len(raw) != 32:
        raise ValueError("a checkpoint has a name, a size and a root, each on a line")
    return int(size), raw


def misnamed(note: str, names: list[str]) -> Found:
    """Keys that the document names though they are none, or though their signature does not fit."""
    try:
        for kind in {read_key(name)[2] for name in names} if Ed25519PublicKey is not None else ():
            signers(note, names, kind)
    except (Unreadable, ValueError) as error:
        return [f"integrity/checkpoint: {error}"]
    return []


def signers(note: str, keys: list[str], kind: int) -> list[Signer]:
    """Who of these signed the note (C2SP signed-note 1, tlog-cosignature 4), when, and until when they may.

    A witness cannot sign for the installation, nor the other way round.
    """
    if keys and Ed25519PublicKey is None:
        raise Unreadable("to check a signature, install the package cryptography")
    message, lines = note_parts(note)
    found: list[Signer] = []
    for key in [key for key in map(read_key, keys) if key[2] == kind]:
        for name, raw in [line for line in lines if (line[0], line[1][:4]) == key[:2]]:
            made, signed, seconds = raw[4:], message, 0
            if kind == 4:
                seconds, made = int.from_bytes(made[:8], "big"), made[8:]
                signed = f"cosignature/v1\ntime {seconds}\n{message}"
            if seconds > LAST_SECOND:
                raise ValueError(f"the signature of {name} names no time")
            try:
                Ed25519PublicKey.from_public_bytes(key[3]).verify(made, signed.encode())
            except InvalidSignature:
                raise ValueError(f"the signature of {name} does not fit to the checkpoint") from None
            found.append((name, seconds, key[4]))
    return found


def read_key(line: str) -> tuple[str, bytes, int, bytes, datetime | None]:
    """Name, fingerprint, kind, the key itself, and when it was retired, where something says so."""
    text, *dates = line.partition("#")[0].split() or [""]
    try:
        times = {name: datetime.fromisoformat(at) for name, at in zip(dates[::2], dates[1::2], strict=True)}
        is_dated = {*times} <= {"since", "until"} and all(at.tzinfo for at in times.values())
    except ValueError:
        is_dated = False
    if not is_dated:
        raise Unreadable(f"{line[:200]!r} is not a key with its dates: KEY since TIME until TIME")
    if (since := times.get("since")) and not since <= min(datetime.now(UTC), times.get("until", since)):
        raise Unreadable(f"{line[:200]!r} begins in the future, or after its end")
    name, _, rest = text.partition("+")
    given, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    own = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if not name or len(raw) != 33 or raw[0] not in (1, 4) or own.hex() != given:
        raise Unreadable(f"{text[:60]!r} is no key: name+fingerprint+base64")
    return name, own, raw[0], raw[1:], times.get("until")


# ---------------------------------------------------------------- the command line


def read_keys(given: list[str] | None) -> list[str] | None:
    texts = [t for one in given or () for t in (key_lines(read(one)) if one.count("+") < 2 else [one])]
    for text in texts:
        read_key(text)
    return texts if given else None


def key_lines(raw: bytes) -> list[str]:
    return [line for line in raw.decode().splitlines() if line.partition("#")[0].strip()]


def read_anchors(path: str | None) -> list[Any] | None:
    if path is None:
        return None
    try:
        records = [json.loads(line) for line in read(path).splitlines()]
        heads = [(record["heads"].keys(), record["root"], record["number"]) for record in records]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{path} has a line that is not an anchor ({error!r})") from error
    if not heads:
        raise Unreadable(f"{path} has no anchor in it")
    return records


def read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", help="the plan JSON")
    parser.add_argument("--key", action="append", help="public key of the installation, or a file of it")
    parser.add_argument("--witness", action="append", help="public key of a witness, or a file of it")
    parser.add_argument("--quorum", type=int, help="how many of the witnesses must have signed (else each)")
    parser.add_argument("--anchors", help="file of anchors that you kept")
    given = parser.parse_args(words)
    try:
        keys, witnesses = read_keys(given.key), read_keys(given.witness)
        most = len({read_key(line)[:4] for line in witnesses or ()})
        if given.quorum is not None and not 1 <= given.quorum <= most:
            raise Unreadable("--quorum is at least 1, and at most the number of witnesses")
        lists = prove(
            read(given.file), ReadersOwn(read_anchors(given.anchors), keys, witnesses, given.quorum)
        )
    except Unreadable as error:
        print(f"{error}.", file=sys.stderr)
        return 2
    lists.leave("the document follows the rules of plans", "this program does not know the schema")
    for finding in lists.findings:
        print(f"CONTRADICTED  {finding}")
    print("Proved:", *(f"  {what}: {by}" for what, by in lists.proved), sep="\n")
    print("Not proved:", *(f"  {what}: {why}" for what, why, _ in lists.not_proved), sep="\n")
    return 0 if lists.holds else 1


if __name__ == "__main__":
    sys.exit(main())
