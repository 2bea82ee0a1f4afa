"""The process in which templates are filled: ``python -m programs.outreach.rendering_child``.

Templates are written by people who may not rule this site, and no check of a template says how long it runs
or how much memory it takes. So it runs here, under limits of the operating system. Requests come as pickle
from our own process; answers go back as JSON, so that what a template made of this process reaches nobody.
"""

from __future__ import annotations

import json
import pickle
import resource
import struct
import sys

from programs.analytics.templating import TemplatingError, render

SECONDS = 2
"""Of CPU for one kit."""
MEMORY_BYTES = 384 << 20
LONGEST_OUTPUT = 4 << 20
"""Characters of all the pieces of one kit together."""
TOO_LARGE = "The templates come to more than 4 million characters, or need more than 384 MiB to be filled."
LENGTH = struct.Struct("!Q")


def answer(request: bytes) -> dict[str, object]:
    """The texts by name, or the problems. Never raises for what a template does."""
    try:
        rendered = render(*pickle.loads(request))  # noqa: S301 - from our own process alone
        if sum(map(len, rendered.values())) > LONGEST_OUTPUT:
            return {"problems": [TOO_LARGE]}
    except TemplatingError as error:
        return {"problems": [problem[:2000] for problem in error.problems[:200]]}
    except (MemoryError, OverflowError):
        return {"problems": [TOO_LARGE]}
    except RecursionError:
        return {"problems": ["A template is nested too deep."]}
    return {"rendered": rendered}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    read, write = sys.stdin.buffer, sys.stdout.buffer
    while len(head := read.read(LENGTH.size)) == LENGTH.size:
        used = resource.getrusage(resource.RUSAGE_SELF)
        ends = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (ends, resource.RLIM_INFINITY))
        told = json.dumps(answer(read.read(LENGTH.unpack(head)[0]))).encode()
        write.write(LENGTH.pack(len(told)) + told)
        write.flush()


if __name__ == "__main__":
    main()
