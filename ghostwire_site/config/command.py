"""``manage.py config check | show | example``: works without Django, so also where the configuration is broken."""

from __future__ import annotations

import argparse
import sys
from typing import TextIO

from ghostwire_site.config.load import load
from ghostwire_site.config.problems import ConfigError
from ghostwire_site.config.render import example, show

DESCRIPTION = "Check the configuration, show what is in force, or print a complete commented example."
ACTS = {
    "check": "load the configuration; name line and key of every problem",
    "show": "print every key with its value and where that came from; passwords are masked",
    "example": "print a complete ghostwire.yaml with comments",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the acts to a parser."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="|".join(ACTS))
    for act, text in ACTS.items():
        acts.add_parser(act, help=text, description=text)


def run(arguments: list[str], *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Parse the arguments and act; 0 when all is well, 1 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="manage.py config", description=DESCRIPTION)
    add_arguments(parser)
    return act(parser.parse_args(arguments).act, out=out or sys.stdout, err=err or sys.stderr)


def act(name: str, *, out: TextIO, err: TextIO) -> int:
    """Do one act; the exit code as in ``run``."""
    if name == "example":
        out.write(example())
        return 0
    try:
        loaded = load()
    except ConfigError as error:
        err.write(f"{error}\n")
        return 1
    if name == "show":
        out.write(show(loaded))
        return 0
    for note in loaded.notes:
        err.write(f"note: {note}\n")
    out.write(f"{loaded.document.name}: the configuration is in order\n")
    return 0
