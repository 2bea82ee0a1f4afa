#!/usr/bin/env python
"""Django's command line for this site: ``manage.py <command>``."""

import sys

from gtm.cli import manage

if __name__ == "__main__":
    sys.exit(manage(sys.argv))
