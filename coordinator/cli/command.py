"""A noun as a Django management command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, connections

from coordinator.cli.noun import Noun
from coordinator.cli.terminal import Terminal

_DJANGO_OPTIONS = ("--settings", "--pythonpath")


class NounCommand(BaseCommand):
    """Hands the words after the noun to typer. Works from the shell, and from ``call_command("node", "list")``."""

    noun: ClassVar[Noun]
    requires_system_checks = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.help = self.noun.help

    def run_from_argv(self, argv: list[str]) -> None:
        """From the shell: leaves the process with the verb's exit code unless that is 0."""
        _use_one_connection()
        prog = f"{Path(argv[0]).name} {argv[1]}"
        try:
            code = self.noun.run(_own_words(argv[2:]), prog=prog, present=Terminal(sys.stdin, sys.stdout, sys.stderr))
        finally:
            connections.close_all()
        if code:
            sys.exit(code)

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """For ``manage.py help node``."""
        prog = f"{Path(prog_name).name} {subcommand}"
        self.noun.run(["--help"], prog=prog, present=Terminal(sys.stdin, sys.stdout, sys.stderr))

    def add_arguments(self, parser: CommandParser) -> None:
        """For ``call_command``: all words are the verb's."""
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:
        """For ``call_command``: leaves with the verb's exit code unless that is 0."""
        present = Terminal(sys.stdin, options.get("stdout") or sys.stdout, options.get("stderr") or sys.stderr)
        code = self.noun.run(options["words"], prog=f"manage.py {self.noun.name}", present=present)
        if code:
            sys.exit(code)


def _own_words(words: Sequence[str]) -> list[str]:
    """The words without the two options that Django itself has taken already."""
    own: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*own, word, *rest]
        if word in _DJANGO_OPTIONS:
            next(rest, None)
        elif not word.startswith(tuple(f"{option}=" for option in _DJANGO_OPTIONS)):
            own.append(word)
    return own


def _use_one_connection() -> None:
    """A command needs one connection, not a pool; and a server that is away is told at once, in its own words."""
    connection.settings_dict["OPTIONS"].pop("pool", None)
