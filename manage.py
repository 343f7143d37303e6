#!/usr/bin/env python
"""The command line of a GhostWire portal: `manage.py help` lists what it can do."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run one management command with this portal's settings; give its exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
    from ghostwire_site.config import ConfigError  # noqa: PLC0415 - Django is slow to import and not always needed
    from ghostwire_site.config import command as config_command  # noqa: PLC0415
    from ghostwire_site.secrets import SecretsError  # noqa: PLC0415

    # A configuration that does not load must still be checked, and an example printed.
    if sys.argv[1:2] == ["config"]:
        return config_command.run(sys.argv[2:])
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except (ConfigError, SecretsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
