"""The door for coding agents: the usage lines over the Model Context Protocol, by stdio and by HTTP.

``work.py`` is what the tools do, ``server.py`` how the protocol offers it, ``web.py`` and ``manage.py mcp``
where it is reached, ``callers.py`` who calls. An agent acts for an account and is no person: it decides
nothing. The protocol's library is loaded with ``server.py``: when the first agent comes, not at the start.
"""
