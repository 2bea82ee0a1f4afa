"""The preview of a load as the upload page shows it: from the answer of every door to fields and tables."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gtm.core.money import Money
from programs.admin.upload_form import COLUMN, NOT_THERE, SHOWN, WORD
from programs.datasets import CONTRACTS
from programs.load_profiles import known_profiles
from programs.models import Program

SHOWN_OF_ROW = 8
"""Cells of a rejected row that are shown, those that are read first."""
SOURCES = {"said": "your choice", "profile": "from the load profile", "name": "found by name"}
WRITTEN_AS = {
    "encoding": "Encoding",
    "delimiter": "Column separator",
    "header_row": "Row with column names",
    "sheet": "Sheet",
    "records": "Shape",
}


class Workbench:
    """What the template asks of a preview. ``said`` are the options as the person sees them in the fields."""

    def __init__(self, preview: Mapping[str, Any], program: Program):
        self._preview = preview
        self._questions = preview["questions"]
        self.terms = preview["terms"]
        self.kind, self.profile = preview["kind"], self.terms["profile"]
        self._profiles = known_profiles(program)

    def files(self) -> list[dict[str, Any]]:
        """Each file: how it is written, what stands above, columns that are read and those that are not."""
        ours = {column["theirs"]: column["name"] for column in self._preview["columns"] if column["theirs"]}
        found = []
        for file in self._preview["files"]:
            columns = [{**column, "ours": ours.get(column["name"], "")} for column in file["columns"]]
            found.append(
                {
                    **file,
                    "facts": [
                        (WRITTEN_AS[name], value)
                        for name, value in file["written_as"].items()
                        if name in WRITTEN_AS
                    ],
                    "above": [" · ".join(filter(None, cells)) for cells in file["above"]],
                    "used": [column for column in columns if column["ours"]],
                    "unused": [column for column in columns if not column["ours"]],
                }
            )
        return found

    def guessed(self) -> str:
        """Why this profile or kind, in a sentence."""
        guesses = self._preview["guesses"]
        for guess in guesses["profiles"]:
            if guess["name"] == self.profile:
                return f"It looks like “{guess['title']}”. {guess['why']}"
        if self.profile:
            return f"Read by the load profile {self.profile}."
        for guess in guesses["kinds"]:
            if guess["kind"] == self.kind:
                return f"It looks like {guess['title'].lower()}: {guess['why']}"
        return f"Read as {self._preview['title'].lower()}, as you chose."

    def other_guesses(self) -> list[str]:
        """What else it could be."""
        guesses = self._preview["guesses"]
        named = [f"“{g['title']}”" for g in guesses["profiles"] if g["name"] != self.profile]
        kinds = [g["title"].lower() for g in guesses["kinds"] if g["kind"] != self.kind and not self.profile]
        return [*named, *kinds]

    def kinds(self) -> list[tuple[str, str]]:
        return [(kind, contract.title) for kind, contract in CONTRACTS.items()]

    def profiles(self) -> list[tuple[str, str]]:
        """The profiles that read this kind."""
        return [(one.name, one.title) for one in self._profiles if one.kind == self.kind]

    def questions(self) -> list[dict[str, Any]]:
        """Everything that is open, each with the place of its field."""
        return [{**one, "id": self._id(one["about"])} for one in self._questions]

    def _id(self, about: str) -> str:
        if any(column["name"] == about for column in self._preview["columns"]):
            return f"id_{COLUMN}{about}"
        return f"id_{about}" if any(o["name"] == about for o in self._preview["options"]) else ""

    def columns(self) -> list[dict[str, Any]]:
        """A row of the editor for each column of ours that is required, found or asked about."""
        return [row for row in self._rows() if row["is_open"]]

    def further_columns(self) -> list[dict[str, Any]]:
        return [row for row in self._rows() if not row["is_open"]]

    def _rows(self) -> list[dict[str, Any]]:
        files = self._preview["files"]
        every = [(column["name"], column["examples"]) for column in files[0]["columns"]] if files else []
        shown = {name: examples[0] if examples else "" for name, examples in every}
        rows = []
        for column in self._preview["columns"]:
            name, theirs = column["name"], column["theirs"]
            errors = [one["sentence"] for one in self._questions if one["about"] == name]
            is_none = self.terms["mapping"].get(name) == ""
            proposed = theirs if column["source"] in ("name", "profile") else ""
            rows.append(
                {
                    **column,
                    "field": f"{COLUMN}{name}",
                    "shown_field": f"{SHOWN}{name}",
                    "proposed": proposed,
                    "errors": errors,
                    "why": SOURCES.get(column["source"], ""),
                    "chosen": NOT_THERE if is_none else theirs,
                    "likely": [(header, shown.get(header, "")) for header in column["candidates"]],
                    "every": [(header, example) for header, example in shown.items() if header],
                    "is_open": bool(column["is_required"] or theirs or errors),
                    "word_fields": [
                        {"name": f"{WORD}{name}|{word}", "word": word, "ours": ours, "rows": count}
                        for word, ours, count in column["words"]
                    ],
                }
            )
        return rows

    def options(self) -> list[dict[str, Any]]:
        """The options by group; a group is open where something is said or asked in it."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for option in self._preview["options"]:
            value = self.terms["options"].get(option["name"], "")
            errors = [one["sentence"] for one in self._questions if one["about"] == option["name"]]
            field = {**option, "value": value, "errors": errors, "is_set": bool(value or errors)}
            groups.setdefault(option["group"], []).append(field)
        return [
            {"title": title, "fields": fields, "is_open": any(field["is_set"] for field in fields)}
            for title, fields in groups.items()
        ]

    def accepted(self) -> dict[str, Any]:
        """The first rows as they would be stored: names of the columns, and the cells of each row."""
        rows = self._preview["accepted"]
        names = list(dict.fromkeys(name for row in rows for name in row["cells"]))
        times = {c["name"] for c in self._preview["columns"] if c["type"] == "timestamp"}
        heads = [f"{name} ({self._preview['time_zone']})" if name in times else name for name in names]
        cells = [(row["row"], [row["cells"].get(name, "") for name in names]) for row in rows]
        return {"heads": heads, "rows": cells}

    def notes(self) -> list[str]:
        """What was settled on the way, without what is said of the files already."""
        known = {f"{file['name']}: {note}" for file in self._preview["files"] for note in file["notes"]}
        unread = tuple(f"{file['name']}: not loaded: " for file in self._preview["files"])
        return [n for n in self._preview["notes"] if n not in known and not n.startswith(unread)]

    def refused(self) -> list[dict[str, Any]]:
        used = {column["theirs"] for column in self._preview["columns"]}
        rows = []
        for row in self._preview["refused"]:
            cells = sorted(row["cells"].items(), key=lambda pair: pair[0] not in used)[:SHOWN_OF_ROW]
            rows.append({**row, "line": " · ".join(f"{name}: {text}" for name, text in cells)})
        return rows

    def sums(self) -> list[tuple[str, str, str]]:
        """Column, its sum in what is current and in the rows that were read."""
        change = self._preview["change"]
        before, now = (change["before"] or {}).get("sums", {}), change["loaded"]["sums"]
        return [(name, _money(before.get(name, {})), _money(now.get(name, {}))) for name in {**before, **now}]

    def applied(self) -> list[tuple[str, str, str]]:
        return [
            (one["name"].replace("_", " "), one["value"], one["column"] or one["source"])
            for one in self._preview["applied"]
        ]


def _money(sums: Mapping[str, str]) -> str:
    """Amounts with the decimals of their currency; other units as they are."""
    shown = (
        str(Money(Decimal(value), unit)) if len(unit) == 3 and unit.isupper() else f"{value} {unit}".strip()
        for unit, value in sums.items()
    )
    return " and ".join(shown)
