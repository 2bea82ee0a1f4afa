"""The answer of a load as a page shows it, from the JSON that every door shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gtm.core.later import later

if TYPE_CHECKING:
    from programs.datasets.loading import answer_lines
    from programs.datasets.snapshots import summary
else:
    answer_lines = later("programs.datasets.loading.answer_lines")
    summary = later("programs.datasets.snapshots.summary")


class AnswerPage:
    """Tables of the page: each a list of rows of text."""

    def __init__(self, answer: Mapping[str, Any]):
        self._answer = answer

    def loaded(self) -> str:
        return summary.summary_sentence(self._answer["loaded"])

    def groups(self) -> list[tuple[str, str, str, str]]:
        """Column, value, rows, sums."""
        return [
            (
                group["column"],
                group["value"] or "(empty)",
                f"{group['rows']:,}",
                summary.sums_sentence(group["sums"]).removeprefix(", ") or "–",
            )
            for group in self._answer["loaded"]["groups"]
        ]

    def reasons(self) -> list[str]:
        return list(answer_lines.reason_lines(self._answer["rejects"]))

    def left_out(self) -> list[str]:
        return list(answer_lines.left_out_lines(self._answer["rejects"]))

    def files(self) -> list[tuple[str, list[int], list[tuple[str, str, list[str]]]]]:
        """Name, numbers of the sample rows, and per column of ours: theirs and the cells as read."""
        found = []
        for file in self._answer["files"]:
            rows = file["samples"]
            names = dict.fromkeys([*file["columns"], *(name for row in rows for name in row["cells"])])
            columns = [
                (
                    ours,
                    file["columns"].get(ours, ""),
                    [answer_lines.cell_sentence(row["cells"].get(ours)) for row in rows],
                )
                for ours in names
            ]
            found.append((file["name"], [row["row"] for row in rows], columns))
        return found

    def applied(self) -> list[tuple[str, str, str]]:
        """Option, value, where it came from."""
        return [
            (one["name"].replace("_", " "), one["value"], answer_lines.source_sentence(one))
            for one in self._answer["applied"]
        ]

    def profile(self) -> list[str]:
        return list(answer_lines.profile_lines(self._answer["terms"]))

    def change(self) -> list[str]:
        return list(answer_lines.change_lines(self._answer["change"]))
