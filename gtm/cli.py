"""``gtm-governance``: the two doors of an installed package.

``gtm-governance run`` starts the site with the demo organisation, as ``make run`` does in a checkout;
``gtm-governance manage …`` is ``manage.py …``.
"""

from __future__ import annotations

import os
import signal
import sys

USAGE = """usage: gtm-governance run               start the site with the demo organisation; Ctrl-C stops it
       gtm-governance manage COMMAND …  what manage.py does in a checkout; manage help lists the commands
       gtm-governance --version"""


READER_IS_GONE = 128 + signal.SIGPIPE


def manage(arguments: list[str]) -> int:
    """Run a management command; return the exit status."""
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")
    try:
        try:
            execute_from_command_line(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone, as `head` does once it has its lines. What was done stays done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_IS_GONE
    return 0


def main() -> int:
    """Return the exit status."""
    if sys.argv[1:] == ["run"]:
        from gtm.trial import run  # noqa: PLC0415 - each door loads its own

        return run.main()
    if sys.argv[1:2] == ["manage"]:
        return manage(["gtm-governance manage", *sys.argv[2:]])
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version  # noqa: PLC0415

        print(version("gtm-governance"))  # noqa: T201 the terminal is this module's interface
        return 0
    print(USAGE, file=sys.stdout if sys.argv[1:] in ([], ["-h"], ["--help"]) else sys.stderr)  # noqa: T201
    return 0 if sys.argv[1:] in ([], ["-h"], ["--help"]) else 2
