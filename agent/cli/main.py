"""The verbs of ``ghostwire-agent`` and their flags. What is not built is not listed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from agent import __version__
from agent.cli.options import (
    COMMON,
    JSON,
    LOGIN,
    SETTINGS,
    TIMEOUT,
    Option,
    add,
    complete,
    duration,
    spell_switches,
    truth,
)
from agent.cli.output import EXIT_ERROR, exit_code, say_error
from agent.errors import StateError
from agent.logs import configure
from agent.state import DEFAULT_STATE_DIR
from mesh.errors import GhostWireError

_LOG_FILE: Final = Option("log_file", ("--log-file",), str, "log into a file instead of standard error", "PATH")
_MANAGER: Final = Option(
    "manager",
    ("--manager",),
    str,
    "who keeps it running: systemd where it runs, or detached",
    choices=("auto", "systemd", "detached"),
)
_ASK: Final = Option("ask", ("--ask",), truth, "without a key, ask for a person's approval (--no-ask: wait for up)")
_LOCAL: Final = Option("local", ("--local",), truth, "forget the registration here without telling the portal")
_ACTIVE: Final = Option("active", ("--active",), truth, "only peers with a working tunnel")
_PEERS: Final = Option("peers", ("--peers",), truth, "list the peers (--peers=false: only this machine)")
_CHECK: Final = Option(
    "check", ("--check",), str, "print nothing, exit 0 if it is so: see below", choices=("live", "ready")
)
_COUNT: Final = Option("count", ("-c", "--count"), int, "how many pings (default 4; 0 for no end)", "N")
_INTERVAL: Final = Option("interval_seconds", ("-i", "--interval"), duration, "pause between pings", "DURATION")
_FOUR: Final = Option("four", ("-4",), truth, "IPv4 only")
_SIX: Final = Option("six", ("-6",), truth, "IPv6 only")
_EXITS: Final = (
    "exit codes: 0 up and running; 1 something failed; 2 wrong usage; 3 the agent is not running; "
    "4 a login is needed; 5 not ready (connecting, shut out, or no word from the portal for the whole lease)"
)


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its names (aliases after the first), flags, and ``module:function`` of what it does.

    Named and not imported: looking at a status need not load what bringing a tunnel up needs. ``target``: the words
    it takes.
    """

    names: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    act: str
    target: str = ""
    epilog: str = ""

    def load(self) -> Callable[[dict[str, Any]], int]:
        """The function."""
        module, function = self.act.split(":")
        act: Callable[[dict[str, Any]], int] = getattr(import_module(f"agent.cli.{module}"), function)
        return act


VERBS: Final = (
    Verb(
        ("up", "join"),
        "bring this machine into the mesh, and keep it there",
        (*SETTINGS, *LOGIN, TIMEOUT, JSON, _MANAGER),
        "lifecycle:up",
    ),
    Verb(
        ("run",),
        "the same in the foreground, for containers and service managers",
        (*SETTINGS, *LOGIN, _ASK, _LOG_FILE),
        "lifecycle:run",
    ),
    Verb(("down",), "take the mesh off this machine; up brings it back without a key", (JSON,), "lifecycle:down"),
    Verb(
        ("status", "peers"),
        "show this machine, its peers, their handshakes and traffic",
        (JSON, _ACTIVE, _PEERS, _CHECK),
        "info:status",
        epilog="--check live: an agent answers. --check ready: it has a map in force.\n" + _EXITS,
    ),
    Verb(("logout", "leave"), "end the registration and come down", (_LOCAL, JSON), "lifecycle:logout"),
    Verb(("netmap",), "print the network map in force, in JSON", (), "info:netmap"),
    Verb(
        ("ping",),
        "ping a peer over the mesh",
        (_COUNT, _INTERVAL, TIMEOUT, _FOUR, _SIX, JSON),
        "ping:ping",
        target="peer",
        epilog="exit codes: 0 an answer came; 1 none came",
    ),
    Verb(
        ("netcheck",),
        "measure the way to every relay: latencies, the home region, whether UDP gets through",
        (JSON,),
        "netcheck:netcheck",
        epilog="exit codes: 0 an answer came, or there are no relays; 1 none came",
    ),
    Verb(("ip",), "print this machine's mesh addresses, or a peer's", (_FOUR, _SIX, JSON), "info:ip", target="peer?"),
    Verb(("version",), "print the version", (JSON,), "info:version"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    every = {option.name: option for verb in VERBS for option in (*COMMON, *verb.options)}
    as_json = False
    try:
        said = vars(_parser().parse_args(spell_switches(given, tuple(every.values()))))
        verb: Verb = said.pop("verb")
        as_json = bool(said.get("json"))
        complete(said, (*COMMON, *verb.options))
        as_json = bool(said.get("json"))
        said.setdefault("state_dir", DEFAULT_STATE_DIR)
        if verb.names[0] != "run":
            configure(verbose=bool(said.get("verbose")), quiet=not said.get("verbose"))
        return verb.load()(said)
    except GhostWireError as error:
        say_error(error, as_json=as_json)
        return exit_code(error)
    except PermissionError as error:
        say_error(StateError(f"{error.filename or 'The agent'} is root's: try sudo."), as_json=as_json)
        return EXIT_ERROR
    except BrokenPipeError:
        return EXIT_ERROR
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ghostwire-agent",
        description="Brings this machine into a GhostWire mesh and keeps it there.",
        epilog="Each flag is also an environment variable, such as GHOSTWIRE_AGENT_SERVER; the flag wins.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        one = verbs.add_parser(
            verb.names[0],
            aliases=verb.names[1:],
            help=verb.help,
            description=verb.help,
            epilog=verb.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add(one, (*verb.options, *COMMON))
        if verb.target:
            count = "?" if verb.target.endswith("?") else None
            one.add_argument("peer", nargs=count, help="name, address or id of a peer", metavar="PEER")
        one.set_defaults(verb=verb)
    return parser
