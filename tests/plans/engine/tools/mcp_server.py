"""An MCP server of somebody else: it says what it was asked, slowly, at length, or with an error."""

import os
import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("Serena", version="1.5")


@server.tool()
def compare(before: str, after: str) -> str:
    """Say what was asked, and whether a secret was given."""
    secrets = [os.environ.get(name, "no") for name in ("SERENA_KEY", "SECRET_KEY")]
    return " | ".join([before, after, *secrets])


@server.tool()
def sleep(seconds: float) -> str:
    """Answer late."""
    time.sleep(seconds)
    return "awake"


@server.tool()
def talk(length: int) -> str:
    """Answer at length."""
    return "x" * length


@server.tool()
def fall() -> str:
    """Fail."""
    raise ValueError("The index is broken")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
