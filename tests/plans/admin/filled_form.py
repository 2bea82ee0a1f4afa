"""What a browser would send from the form of a page where nobody has typed anything."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class FilledForm(HTMLParser):
    """``sent``: name → value, or a list of values, of the fields inside the form of an object."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, Any] = {}
        self.is_inside = False
        self.select = self.area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        told = {name: value or "" for name, value in attributes}
        name, kind = told.get("name", ""), told.get("type", "text")
        if tag == "form":
            self.is_inside = told.get("id", "").endswith("_form")
        if not self.is_inside:
            return
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in told:
            self._send(self.select, told.get("value", ""))
        elif tag == "textarea":
            self.area = name
            self.sent[name] = ""
        elif tag == "input" and name and kind not in ("submit", "button", "file"):
            is_chosen = kind not in ("checkbox", "radio") or "checked" in told
            for value in [told.get("value", "on" if kind == "checkbox" else "")] * is_chosen:
                self._send(name, value)

    def handle_data(self, data: str) -> None:
        if self.area:
            self.sent[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""
        elif tag == "form":
            self.is_inside = False

    def _send(self, name: str, value: str) -> None:
        held = self.sent.get(name)
        self.sent[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]


def filled(page: str) -> dict[str, Any]:
    sent = FilledForm(page).sent
    return {name: value for name, value in sent.items() if "__prefix__" not in name and name != "_csrf"}
