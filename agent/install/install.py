"""Installs the GhostWire agent on a machine that has only Python 3.11 or newer, and brings the machine up.

Served by the portal with its own URL filled in. Reads no standard input, asks nothing, and uses the standard library
alone. It fetches the wheels that the portal lists, checks their SHA-256, installs them into a folder of their own with
the pip among them, writes the command ``ghostwire-agent``, and hands the other arguments to it:

    python3 install.py up --auth-key KEY [flags of ghostwire-agent up]

Own flags, before or after the verb: ``--prefix DIR`` (install below DIR: for trying it out; no root needed),
``--no-packages`` (do not install nftables or wireguard-go with the machine's package manager), ``--install-only``.
"""

# ruff: noqa: S603 - every word of every command here is this script's own or the person's at the machine

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

SERVER = "__GHOSTWIRE_SERVER__"  # the portal puts its own URL here
VERBS = ("up", "join", "run")
MANAGERS = (
    # program, words that refresh its lists, words that install
    ("apt-get", ("update", "-q"), ("install", "-q", "-y", "--no-install-recommends")),
    ("dnf", (), ("install", "-q", "-y")),
    ("zypper", (), ("--non-interactive", "install")),
    ("apk", (), ("add", "--quiet")),
    ("pacman", (), ("-S", "--noconfirm", "--needed")),
)
SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.!+]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl")
MAX_BYTES = 100 << 20


class InstallError(Exception):
    """Something that the person at the machine can read and act on."""


def say(text: str) -> None:
    """A line about what is being done; standard output is left to the agent."""
    sys.stderr.write(f"ghostwire: {text}\n")
    sys.stderr.flush()


def fits(filename: str, *, minor: int, machine: str, libc: str) -> bool:
    """Whether a wheel may be good for Python 3.``minor`` on this machine; pip decides in the end (PEP 425)."""
    found = WHEEL.fullmatch(filename)
    if found is None:
        return False
    pythons, abis, platforms = (part.split(".") for part in found.group(3, 4, 5))
    if not any(_fits_python(python, abi, minor) for python in pythons for abi in abis):
        return False
    wanted = "musllinux" if libc == "musl" else "manylinux"
    return any(
        name == "any" or (name.endswith(f"_{machine}") and name.startswith((wanted, "linux"))) for name in platforms
    )


def _fits_python(python: str, abi: str, minor: int) -> bool:
    if python in ("py3", "py2"):
        return True
    if not python.startswith("cp3") or not python[3:].isdigit():
        return False
    built_for = int(python[3:])
    return built_for <= minor if abi == "abi3" else built_for == minor and abi in (f"cp3{minor}", "none")


def libc_name() -> str:
    """``musl`` on machines such as Alpine, ``glibc`` elsewhere."""
    return "glibc" if platform.libc_ver()[0] == "glibc" else "musl" if any(Path("/lib").glob("ld-musl-*")) else "glibc"


def fetch(url: str) -> bytes:
    """The content at a URL. Raises InstallError if it cannot be had."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - the scheme was checked
            content = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise InstallError(f"{url} answered {error.code}.") from error
    except OSError as error:
        hint = " Perhaps the package ca-certificates is missing." if "CERTIFICATE" in str(error) else ""
        raise InstallError(f"{url} cannot be fetched: {error}.{hint}") from error
    if len(content) > MAX_BYTES:
        raise InstallError(f"{url} is larger than any wheel.")
    return bytes(content)


def fetch_wheels(server: str, folder: Path) -> list[Path]:
    """Fetch the portal's wheels that may fit this machine, each checked against its listed SHA-256.

    :raises InstallError: if one cannot be had or is another than was listed
    """
    listed = f"{server}/agent/wheels.json"
    try:
        entries = [(str(item["name"]), str(item["url"]), str(item["sha256"])) for item in json.loads(fetch(listed))]
    except (ValueError, TypeError, KeyError) as error:
        raise InstallError(f"{listed} is no list of wheels.") from error
    minor, machine, libc = sys.version_info.minor, platform.machine(), libc_name()
    paths = []
    for name, url, digest in entries:
        if not fits(name, minor=minor, machine=machine, libc=libc):
            continue
        content = fetch(urljoin(listed, url))
        if hashlib.sha256(content).hexdigest() != digest:
            raise InstallError(f"{name} is not what the portal lists: nothing was installed.")
        path = folder / name  # the name was matched: it has no slash
        path.write_bytes(content)
        paths.append(path)
    return paths


def install(server: str, prefix: Path) -> Path:
    """Install the portal's agent below ``prefix``; the path of its command.

    :raises InstallError: if it cannot be done; what was installed before stays as it was
    """
    home = prefix / "opt" / "ghostwire-agent"
    command = prefix / "usr" / "local" / "bin" / "ghostwire-agent"
    home.mkdir(parents=True, exist_ok=True)
    command.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ghostwire-") as scratch:
        wheels = fetch_wheels(server, Path(scratch))
        digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
        for wheel in wheels:
            digest.update(wheel.read_bytes())
        target = home / digest.hexdigest()[:16]
        if not target.exists():
            _install_into(target, Path(scratch), wheels)
    _write_command(command, target)
    _remove_older(home, target)
    return command


def _install_into(target: Path, folder: Path, wheels: list[Path]) -> None:
    agent = _the_one(wheels, "ghostwire-mesh-agent")
    pip = _the_one(wheels, "pip")
    beside = target.with_name(f".{target.name}-{os.getpid()}")
    # pip runs from its wheel. The agent is given as a file, so that no index is ever asked for that name.
    words = [sys.executable, f"{pip}/pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    words += ["--no-cache-dir", "--root-user-action=ignore", "--target", str(beside), "--find-links", str(folder)]
    words += ["--only-binary=:all:", str(agent)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    environment["PIP_CONFIG_FILE"] = os.devnull
    try:
        result = subprocess.run([*words, "--no-index"], env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            say("the portal has no wheels for this platform: fetching dependencies from PyPI")
            # An index of the machine's own is asked, as any pip there would.
            del environment["PIP_CONFIG_FILE"]
            environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
            result = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise InstallError(f"pip could not install the agent:\n{result.stderr.strip()}")
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _the_one(wheels: list[Path], name: str) -> Path:
    wanted = name.replace("-", "_")
    found = [path for path in wheels if path.name.startswith(f"{wanted}-")]
    if len(found) != 1:
        raise InstallError(f"The portal serves no wheel of {name} for this machine.")
    return found[0]


def _write_command(command: Path, target: Path) -> None:
    """A script without an installed interpreter of its own: this Python, isolated, on the agent's folder."""
    text = (
        f"#!{sys.executable} -I\n"
        "# Written by the GhostWire installer.\n"
        "import sys\n\n"
        f"sys.path.insert(0, {str(target)!r})\n"
        "from agent.cli.main import main\n\n"
        "sys.exit(main())\n"
    )
    beside = command.with_name(f".{command.name}-{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o755)
    beside.rename(command)


def _remove_older(home: Path, target: Path) -> None:
    """Keep the folder before this one: an agent that still runs from there may load a module from it yet."""
    others = sorted(
        (path for path in home.iterdir() if path != target and path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    for path in others[:-1]:
        shutil.rmtree(path, ignore_errors=True)


def find(tool: str) -> str | None:
    """The path of a tool; looks into the sbin folders too."""
    return shutil.which(tool) or shutil.which(tool, path=SBIN)


def missing_packages() -> list[str]:
    """The packages without which the agent will not come up here."""
    missing = [] if find("nft") else ["nftables"]
    modprobe = find("modprobe")
    in_kernel = Path("/sys/module/wireguard").exists() or (
        modprobe is not None and subprocess.run([modprobe, "-q", "wireguard"], check=False).returncode == 0
    )
    return missing if in_kernel or find("wireguard-go") else [*missing, "wireguard-go"]


def add_packages(packages: list[str]) -> None:
    """Install packages with the machine's own manager, and say so. Raises InstallError if that fails."""
    wanted = " ".join(packages)
    for program, refresh, words in MANAGERS:
        if (tool := find(program)) is None:
            continue
        say(f"installing {wanted} with {program}")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        done = _call(tool, *words, *packages)
        if not done and refresh:  # its lists of packages may be stale, or not there
            _call(tool, *refresh)
            done = _call(tool, *words, *packages)
        if not done:
            raise InstallError(f"{program} could not install {wanted}: install it by hand, then run this again.")
        return
    raise InstallError(f"This machine lacks {wanted}: install it, then run this again.")


def _call(*words: str) -> bool:
    return subprocess.run(words, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False).returncode == 0


def split(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The installer's own flags, and the words for the agent.

    :raises InstallError: for a flag without its value
    """
    own: dict[str, str] = {}
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in ("--no-packages", "--install-only"):
            own[flag] = "yes"
        elif flag in ("--prefix", "--server", "--login-server", "--auth-key"):
            text = value if equals else next(words, "")
            if not text:
                raise InstallError(f"{flag} needs a value.")
            own["--server" if flag == "--login-server" else flag] = text
        else:
            rest.append(word)
    return own, rest


def check_server(text: str) -> str:
    """The portal's URL without a slash at its end. Raises InstallError if it is none."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+/?", text):
        raise InstallError("Say which portal: --server https://portal.example")
    return text.rstrip("/")


def main(arguments: list[str]) -> int:
    """Install, then become the agent."""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - it runs on whatever a machine has
            raise InstallError(f"Python 3.11 or newer is needed; this is {platform.python_version()}.")
        if platform.system() != "Linux":
            raise InstallError("The agent runs on Linux.")
        own, rest = split(arguments)
        server = check_server(own.get("--server", SERVER))
        prefix = Path(own.get("--prefix", "/")).absolute()
        if prefix == Path("/") and os.geteuid() != 0:
            raise InstallError("Installing needs root: run the same line with sudo.")
        if prefix == Path("/") and "--no-packages" not in own and (packages := missing_packages()):
            add_packages(packages)
        command = install(server, prefix)
        say(f"the agent is installed: {command}")
    except InstallError as error:
        say(str(error))
        return 1
    verb, *words = rest if rest and rest[0] in VERBS else ["up", *rest]
    if "--install-only" in own or not (rest or "--auth-key" in own):
        say(f"next: {command} up --server {server} --auth-key KEY")
        return 0
    environment = dict(os.environ)
    if "--auth-key" in own:  # not among the words, which the list of processes shows
        environment["GHOSTWIRE_AGENT_AUTH_KEY"] = own["--auth-key"]
    return os.execve(command, [str(command), verb, "--server", server, *words], environment)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
