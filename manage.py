#!/usr/bin/env python
"""The command line of a GhostWire portal: `manage.py help` lists what it can do."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command with this portal's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings must be named first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
