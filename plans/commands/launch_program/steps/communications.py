"""Step 3, communications: the kit from templates, packed for the teams, to be approved by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gtm.core.errors import Problem
from plans.commands.launch_program.facts import TAKE_UP, audiences, material_of
from plans.commands.launch_program.steps.languages import in_words, languages
from plans.engine.running.kept_files import kept_file
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Figure, Message, Messages, Metrics, StepResult, Table
from programs.analytics.bundle import pack
from programs.analytics.templating import TemplatingError
from programs.outreach.communications import EVERYONE, Piece, languages_of, render_pieces
from programs.outreach.mailing_tools import TOOLS, exports


def render_kit(context: StepContext) -> StepResult:
    """All communications of the launch. Raises PermanentError naming each template and variable not filled.

    Values: ``sha256`` of the archive, ``files`` (path, template, version, subject, audience, sha256),
    ``links`` (path, channel, url, whether it leads from a page to its own site). A gate with the output variable in its scope approves exactly these bytes.
    """
    launch, program, inputs = material_of(context), context.program, context.inputs
    heard = audiences(inputs.get("segments"))
    try:
        pieces = render_pieces(launch, program, inputs, heard)
        for_tools = exports(launch, program, inputs, heard)
    except TemplatingError as error:
        raise PermanentError(
            "The kit cannot be rendered: " + " ".join(error.problems),
            hint=f"Correct the templates, or fill what they ask for in the launch profile. {TAKE_UP}",
            problems=[Problem("templates", problem) for problem in error.problems],
        ) from error
    if not pieces:
        raise PermanentError(
            f"No template serves {', '.join(inputs['channels'])} in {launch['locale']}.",
            hint=f"Add or activate message templates of this program's kind. {TAKE_UP}",
        )
    archive = kept_file(
        "comms-kit",
        f"Communications kit: {program['name']}",
        _packed(pieces, for_tools, context),
        "zip",
        "application/zip",
    )
    files = _files(pieces)
    home = urlsplit(launch["links"]["landing"]).netloc.lower()
    links = [
        {"path": piece.path, "channel": piece.channel, "url": url,
         "internal": piece.is_page and urlsplit(url).netloc.lower() == home}
        for piece in pieces for url in piece.links
    ]  # fmt: skip
    return StepResult(
        values={
            "sha256": archive.sha256,
            "files": files,
            "links": links,
            "exports": {tool: sorted(files) for tool, files in for_tools.items()},
            "channels": inputs["channels"],
            "audiences": [audience.name for audience in heard if audience != EVERYONE],
        },
        outputs=[
            _figures(pieces, links, heard),
            _preview(pieces, launch),
            _links_table(links),
            *languages(pieces, launch),
            *_for_tools(for_tools),
            archive,
        ],
    )


def _files(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    return [
        {"path": piece.path, "template": piece.key, "version": piece.version, "subject": piece.subject,
         "audience": piece.audience, "locale": piece.locale, "variant": piece.variant, "sha256": hashlib.sha256(piece.body.encode()).hexdigest()}
        for piece in pieces
    ]  # fmt: skip


def _packed(
    pieces: Sequence[Piece], for_tools: Mapping[str, Mapping[str, str]], context: StepContext
) -> bytes:
    content = {piece.path: piece.body.encode() for piece in pieces}
    for piece in pieces:
        stem = piece.path.rsplit(".", 1)[0]
        for name, text in (("subject", piece.subject), ("preheader", piece.preheader)):
            if text:
                content[f"{stem}.{name}.txt"] = f"{text}\n".encode()
    for files in for_tools.values():
        content |= {path: text.encode() for path, text in files.items()}
    about: Mapping[str, Any] = {
        "program": context.program["name"],
        "launch_date": context.inputs["launch_date"],
        "channels": list(context.inputs["channels"]),
        "segments": list(context.inputs.get("segments") or ()),
        "languages": languages_of(material_of(context)),
        "templates": {piece.path: f"{piece.key} v{piece.version}" for piece in pieces},
    }
    return pack(content, about)


def _figures(pieces: Sequence[Piece], links: Sequence[Any], heard: Sequence[Any]) -> Metrics:
    personas = sum(audience != EVERYONE for audience in heard)
    return Metrics(
        "kit-figures",
        "The kit in figures",
        [
            Figure("assets", "Assets", len({(p.key, p.segment) for p in pieces}), "assets"),
            Figure("files", "Files", len(pieces), "files"),
            Figure("links", "Tracking links", len({link["url"] for link in links}), "links"),
            Figure("personas", "Personas with words of their own", personas, "personas"),
        ],
    )


def _preview(pieces: Sequence[Piece], launch: Mapping[str, Any]) -> Messages:
    return Messages(
        "comms-preview",
        "What goes out",
        [
            Message(
                p.path,
                f"{p.title}{in_words(p, launch)}",
                p.media_type,
                p.body,
                p.subject,
                p.channel,
                p.audience,
            )
            for p in pieces
        ],
        "Shown without remote content. The archive below holds exactly these texts.",
    )


def _for_tools(for_tools: Mapping[str, Mapping[str, str]]) -> Iterator[Table]:
    """The files in the archive that mailing tools import; nothing where the profile names no tool."""
    rows = [
        [TOOLS[tool].title, path, len(text.encode())]
        for tool, files in for_tools.items()
        for path, text in files.items()
    ]
    if rows:
        columns = [
            Column("tool", "Tool"),
            Column("path", "File in the kit"),
            Column("size", "Size", "integer", "bytes"),
        ]
        yield Table("mailing-tools", "Mails for mailing tools", columns, rows,
                    "Each with the tokens of its tool; subject and preheader stand beside or within.")  # fmt: skip


def _links_table(links: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "tracking-links",
        "Tracking links",
        [Column("path", "Piece"), Column("channel", "Channel"), Column("url", "Link")],
        [[link["path"], link["channel"], link["url"]] for link in links],
    )
