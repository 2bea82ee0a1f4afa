"""Years of work in one database, and how long its pages take; started by ``benchmarks/pages.py``."""
