"""A noun of the command line (``node``) with its verbs (``list``, ``show``, ...), on typer."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final, TypeVar

import typer

from coordinator.cli import tables
from coordinator.cli.errors import FORESEEN, WrongUsageError, explain
from coordinator.cli.formats import Format, render
from coordinator.cli.results import Result
from coordinator.cli.terminal import RefusedError, Terminal, speaking_to, terminal

Act = TypeVar("Act", bound=Callable[..., Result | None])

OK: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130

# typer has no public name for the family of its usage errors; this one is a child of it.
_UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]

_JSON: Final = Annotated[bool, typer.Option("--json", help="Same as -o json.")]
_OUTPUT: Final = Annotated[
    Format, typer.Option("--output", "-o", help="How to print: a table for people, or values for programs.")
]


class Noun:
    """One noun: what ``manage.py NOUN VERB`` can do. Verbs return what they found or did; printing is done here."""

    def __init__(self, name: str, help: str) -> None:
        self.name = name
        self.help = help
        self._app = typer.Typer(
            help=help,
            add_completion=False,
            rich_markup_mode="rich",
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["--help", "-h"]},
        )
        self._app.callback()(_nothing)

    def verb(self, name: str, *aliases: str) -> Callable[[Act], Act]:
        """Make a function a verb. It gets ``--output`` and ``--json`` beside its own arguments.

        Aliases work and are named in the help, but not listed beside the verb.
        """

        def register(act: Act) -> Act:
            command = _printing(act)
            text = inspect.cleandoc(act.__doc__ or "")
            if aliases:
                text += f"\n\nAlso: {', '.join(aliases)}."
            for index, word in enumerate((name, *aliases)):
                self._app.command(word, help=text, hidden=index > 0)(command)
            return act

        return register

    def run(self, words: Sequence[str], *, prog: str, present: Terminal) -> int:
        """Act on the words after the noun; the exit code: 0 done, 1 refused or failed, 2 wrong usage."""
        command = typer.main.get_command(self._app)
        # Without a verb there is nothing to do but to say which there are.
        arguments = list(words) or ["--help"]
        code = FAILED
        try:
            with speaking_to(present):
                status = command.main(args=arguments, prog_name=prog, standalone_mode=False)
            code = status or OK if words else WRONG_USAGE
        except _UsageError as error:
            present.stderr.write(f"error: {_usage(error)} See {_path(error, prog)} --help.\n")
            code = WRONG_USAGE
        except WrongUsageError as error:
            present.stderr.write(f"error: {error} See {prog} {words[0]} --help.\n")
            code = WRONG_USAGE
        except RefusedError as error:
            present.stderr.write(f"{error}\n")
        except FORESEEN as error:
            present.stderr.write(f"error: {explain(error)}\n")
        except typer.Abort:
            present.stderr.write("\n")
            code = INTERRUPTED
        except BrokenPipeError:
            _silence(present)
        return code


def _nothing() -> None:
    """A callback keeps typer from merging a noun's only verb into the noun."""


def _printing(act: Callable[..., Result | None]) -> Callable[..., None]:
    """``act`` as typer calls it: with the options for output, and with its result printed."""

    @functools.wraps(act)
    def command(*, gw_json: bool, gw_output: Format, **arguments: Any) -> None:
        result = act(**arguments)
        if result is None:  # it has answered already, line by line
            return
        stream = terminal().stdout
        form = Format.JSON if gw_json else gw_output
        if form is Format.TABLE:
            tables.write(result, stream)
        else:
            stream.write(render(result, form))
        stream.flush()

    kind = inspect.Parameter.KEYWORD_ONLY
    own = [item.replace(kind=kind) for item in inspect.signature(act, eval_str=True).parameters.values()]
    added = [
        inspect.Parameter("gw_output", kind, default=Format.TABLE, annotation=_OUTPUT),
        inspect.Parameter("gw_json", kind, default=False, annotation=_JSON),
    ]
    command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in (*own, *added)}
    return command


def _usage(error: Exception) -> str:
    text = " ".join(str(getattr(error, "format_message", lambda: error)()).split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _path(error: Exception, prog: str) -> str:
    context = getattr(error, "ctx", None)
    return prog if context is None else str(context.command_path)


def _silence(present: Terminal) -> None:
    """Whoever read the output has left, as ``head`` does. Python would complain once more when it closes it."""
    with suppress(OSError, ValueError):  # not a file of the system: nothing is closed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), present.stdout.fileno())
