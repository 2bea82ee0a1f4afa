"""The change log is append-only by the database itself, not only by our models.

Triggers refuse UPDATE, DELETE and TRUNCATE on the entries; of a payload they let through one thing, the
erasure (salt and body to NULL together). Whoever may drop triggers can get past them: then the hash chain
tells, and where the whole chain was written anew, an anchor kept elsewhere.

A migration that alters these tables on SQLite builds them anew without triggers; end it with ``create``.
"""

from __future__ import annotations

import re
from typing import Any

ENTRY, PAYLOAD = "core_changelogentry", "core_changelogpayload"
ENTRY_REFUSAL = "The change log is append-only."
PAYLOAD_REFUSAL = "A payload of the change log is erased (salt and body to NULL) or stays as it is."

_NOT_ERASURE = "NEW.entry_id <> OLD.entry_id OR NEW.salt IS NOT NULL OR NEW.body IS NOT NULL"
# INSERT OR REPLACE deletes the row in its way and fires no DELETE trigger, so it is refused at the insert.
_SQLITE = {
    "changelog_entry_update": (f"UPDATE ON {ENTRY}", ENTRY_REFUSAL),
    "changelog_entry_delete": (f"DELETE ON {ENTRY}", ENTRY_REFUSAL),
    "changelog_entry_replace": (
        f"INSERT ON {ENTRY} WHEN EXISTS (SELECT 1 FROM {ENTRY} "  # noqa: S608 - constants of this module
        "WHERE id = NEW.id OR (chain = NEW.chain AND sequence = NEW.sequence))",
        ENTRY_REFUSAL,
    ),
    "changelog_payload_update": (f"UPDATE ON {PAYLOAD} WHEN {_NOT_ERASURE}", PAYLOAD_REFUSAL),
    "changelog_payload_delete": (f"DELETE ON {PAYLOAD}", PAYLOAD_REFUSAL),
    "changelog_payload_replace": (
        f"INSERT ON {PAYLOAD} WHEN EXISTS (SELECT 1 FROM {PAYLOAD} WHERE entry_id = NEW.entry_id)",  # noqa: S608
        PAYLOAD_REFUSAL,
    ),
}
_POSTGRES = {
    "changelog_entry_write": (f"UPDATE OR DELETE ON {ENTRY} FOR EACH ROW", ENTRY_REFUSAL),
    "changelog_entry_truncate": (f"TRUNCATE ON {ENTRY} FOR EACH STATEMENT", ENTRY_REFUSAL),
    "changelog_payload_update": (
        f"UPDATE ON {PAYLOAD} FOR EACH ROW WHEN ({_NOT_ERASURE})",
        PAYLOAD_REFUSAL,
    ),
    "changelog_payload_delete": (f"DELETE ON {PAYLOAD} FOR EACH ROW", PAYLOAD_REFUSAL),
    "changelog_payload_truncate": (f"TRUNCATE ON {PAYLOAD} FOR EACH STATEMENT", PAYLOAD_REFUSAL),
}
_REFUSE = """
CREATE OR REPLACE FUNCTION changelog_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def create(connection: Any) -> None:
    """Put the triggers in place, whichever are there already. A write they refuse raises IntegrityError."""
    drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_REFUSE)
            for name in _POSTGRES:
                cursor.execute(_in_postgres(name))
        else:
            for name in _SQLITE:
                cursor.execute(_in_sqlite(name))


def missing(connection: Any) -> list[str]:
    """The triggers that do not stand as ``create`` makes them: gone, disabled or with other words."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname, t.tgenabled, pg_get_triggerdef(t.oid), p.prosrc "
                "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE NOT t.tgisinternal AND c.relname IN (%s, %s)",
                [ENTRY, PAYLOAD],
            )
            standing = {(name, table): told for name, table, *told in cursor.fetchall()}
            places = {name: (name, _table(event)) for name, (event, _) in _POSTGRES.items()}
            return [name for name, place in places.items() if not _stands(name, standing.get(place))]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = dict(cursor.fetchall())
    return [name for name in _SQLITE if found.get(name) != _in_sqlite(name)]


def _stands(name: str, told: list[str] | None) -> bool:
    """Whether PostgreSQL fires it at its events and at no others, and what it calls refuses."""
    if told is None:
        return False
    enabled, definition, source = told
    is_whole = enabled in ("O", "A") and source == _REFUSE.partition("$$")[2].partition("$$")[0]
    return is_whole and _words(definition) == _words(_in_postgres(name))


def _in_postgres(name: str) -> str:
    event, refusal = _POSTGRES[name]
    return f"CREATE TRIGGER {name} BEFORE {event} EXECUTE FUNCTION changelog_refuse('{refusal}')"


def _words(definition: str) -> list[str]:
    """PostgreSQL gives it back with other brackets, with the schema, and its verbs in another order."""
    head, _, rest = " ".join(re.sub(r"[()]", " ", definition).lower().split()).partition(" on ")
    verbs = re.split(r" or ", head.partition(" before ")[2])
    return [
        head.partition(" before ")[0],
        *sorted(verbs),
        rest.partition(".")[2] if _SCHEMA.match(rest) else rest,
    ]


_SCHEMA = re.compile(r"\w+\.core_changelog")


def strangers(connection: Any) -> list[tuple[str, str]]:
    """Triggers and rules of the database that are none of ours, each with its table.

    On the tables of the log they could swallow rows; on others they could change what is written.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE NOT t.tgisinternal AND c.relnamespace = ANY(current_schemas(FALSE)::regnamespace[]) "
                "UNION ALL SELECT rulename, tablename FROM pg_rules "
                "WHERE schemaname = ANY(current_schemas(FALSE))"
            )
        else:
            cursor.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        ours = _POSTGRES if connection.vendor == "postgresql" else _SQLITE
        return sorted({*cursor.fetchall()} - {(name, _table(event)) for name, (event, _) in ours.items()})


def _table(event: str) -> str:
    return ENTRY if f"ON {ENTRY}" in event else PAYLOAD


def _in_sqlite(name: str) -> str:
    event, refusal = _SQLITE[name]
    return f"CREATE TRIGGER {name} BEFORE {event} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"


def drop(connection: Any) -> None:
    """Take them away, as the reverse of the migration and the flush between tests do."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name, (event, _) in _POSTGRES.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {_table(event)}")
        else:
            for name in _SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
