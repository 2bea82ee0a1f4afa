"""Methods behind the commands: pure functions on aggregates, without Django.

Arrays in, frozen results out. An estimate that cannot be made is an
``Unavailable`` with its reason, never a zero that reads like "no effect".
"""
