"""The installer: what fits, what is checked, and that a Python alone is enough."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.install import build_wheels, install
from agent.install.install import InstallError, check_server, fetch_wheels, fits, split

X86 = "manylinux_2_17_x86_64.manylinux2014_x86_64"


@pytest.mark.parametrize(
    ("name", "minor", "machine", "libc", "good"),
    [
        ("httpx-0.28.1-py3-none-any.whl", 11, "x86_64", "glibc", True),
        ("six-1.17.0-py2.py3-none-any.whl", 14, "riscv64", "musl", True),
        (f"cffi-2.1.1-cp311-cp311-{X86}.whl", 11, "x86_64", "glibc", True),
        (f"cffi-2.1.1-cp311-cp311-{X86}.whl", 12, "x86_64", "glibc", False),
        (f"cffi-2.1.1-cp311-cp311-{X86}.whl", 11, "aarch64", "glibc", False),
        (f"cffi-2.1.1-cp311-cp311-{X86}.whl", 11, "x86_64", "musl", False),
        ("cffi-2.1.1-cp311-cp311-musllinux_1_2_x86_64.whl", 11, "x86_64", "musl", True),
        (f"cryptography-50.0.2-cp311-abi3-{X86}.whl", 13, "x86_64", "glibc", True),
        (f"cryptography-50.0.2-cp314-abi3-{X86}.whl", 13, "x86_64", "glibc", False),
        (f"x-1-cp313-cp313t-{X86}.whl", 13, "x86_64", "glibc", False),
        ("x-1-cp311-cp311-win_amd64.whl", 11, "x86_64", "glibc", False),
        ("../../etc/passwd", 11, "x86_64", "glibc", False),
        ("a/../x-1-py3-none-any.whl", 11, "x86_64", "glibc", False),
        ("x-1.tar.gz", 11, "x86_64", "glibc", False),
    ],
)
def test_what_fits(name: str, minor: int, machine: str, libc: str, good: bool) -> None:
    assert fits(name, minor=minor, machine=machine, libc=libc) is good


def test_own_flags_are_told_from_the_agents() -> None:
    own, rest = split(["up", "--prefix=/x", "--server", "https://p", "--tag", "a", "--no-packages"])
    assert own == {"--prefix": "/x", "--server": "https://p", "--no-packages": "yes"}
    assert rest == ["up", "--tag", "a"]


@pytest.mark.parametrize("words", [["--auth-key", "gwk_1", "--tag", "a"], ["--auth-key=gwk_1", "--tag", "a"]])
def test_the_auth_key_leaves_the_words(words: list[str]) -> None:
    assert split(words) == ({"--auth-key": "gwk_1"}, ["--tag", "a"])


def test_a_flag_without_its_value() -> None:
    with pytest.raises(InstallError, match="--auth-key"):
        split(["up", "--auth-key"])


APT = """#!/bin/sh
echo "$1" >>"$0.log"
case "$1" in update) : >"$0.lists" ;; install) [ -e "$0.lists" ] && [ ! -e "$0.broken" ] ;; esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package manager that installs where it has lists, and notes what it was called for in ``.log``."""
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(APT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("DEBIAN_FRONTEND", "as it was")
    return program


@pytest.mark.parametrize(("lists", "calls"), [(True, ["install"]), (False, ["install", "update", "install"])])
def test_lists_of_packages_are_renewed_only_where_they_do_not_do(apt: Path, lists: bool, calls: list[str]) -> None:
    if lists:
        apt.with_name("apt-get.lists").touch()
    install.add_packages(["nftables"])
    assert apt.with_name("apt-get.log").read_text().split() == calls


def test_a_package_that_cannot_be_had_is_named(apt: Path) -> None:
    apt.with_name("apt-get.broken").touch()
    with pytest.raises(InstallError, match="apt-get could not install nftables wireguard-go"):
        install.add_packages(["nftables", "wireguard-go"])


@pytest.mark.parametrize("text", ["__GHOSTWIRE_SERVER__", "ftp://x", "https://x/y", "https://x'; rm", ""])
def test_what_is_no_portal(text: str) -> None:
    with pytest.raises(InstallError):
        check_server(text)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server of files, and the folder that it serves below ``/agent/``."""
    folder = tmp_path / "site" / "agent"
    (folder / "wheels").mkdir(parents=True)
    handler = functools.partial(Quiet, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


def offer(folder: Path, name: str, content: bytes, digest: str | None = None) -> None:
    (folder / "wheels" / name).write_bytes(content)
    entry = {"name": name, "url": f"wheels/{name}", "sha256": digest or hashlib.sha256(content).hexdigest()}
    (folder / "wheels.json").write_text(json.dumps([entry]), encoding="utf-8")


def test_wheels_are_fetched_and_checked(site: tuple[str, Path], tmp_path: Path) -> None:
    server, folder = site
    offer(folder, "x-1-py3-none-any.whl", b"content")
    (path,) = fetch_wheels(server, tmp_path)
    assert path.read_bytes() == b"content"


def test_a_wheel_that_is_another_than_listed_stops_everything(site: tuple[str, Path], tmp_path: Path) -> None:
    server, folder = site
    offer(folder, "x-1-py3-none-any.whl", b"content", digest="0" * 64)
    with pytest.raises(InstallError, match="not what the portal lists"):
        fetch_wheels(server, tmp_path)
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.parametrize("content", ["nonsense", "{}", '[{"name": "x"}]', '["x"]'])
def test_a_list_that_is_none(site: tuple[str, Path], tmp_path: Path, content: str) -> None:
    server, folder = site
    (folder / "wheels.json").write_text(content, encoding="utf-8")
    if content == "{}":
        assert fetch_wheels(server, tmp_path) == []
        return
    with pytest.raises(InstallError, match="no list of wheels"):
        fetch_wheels(server, tmp_path)


def test_a_portal_without_wheels(site: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="answered 404"):
        fetch_wheels(site[0], tmp_path)


def test_older_installations_go_but_for_the_last(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for age, name in enumerate(("new", "last", "older", "oldest")):
        (home / name).mkdir(parents=True)
        os.utime(home / name, (1e9 - age, 1e9 - age))
    install._remove_older(home, home / "new")
    assert sorted(path.name for path in home.iterdir()) == ["last", "new"]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the portal would serve for this Python."""
    output = tmp_path_factory.mktemp("wheels") / "agent"
    try:
        build_wheels.build(output, pythons=())
    except subprocess.CalledProcessError as error:
        pytest.skip(f"The agent's wheels need a package index or pip's cache: {error.stderr.strip()[-200:]}")
    return output


def test_nothing_is_collected_twice(wheels: Path) -> None:
    assert build_wheels.build(wheels, pythons=()) is False


def test_every_listed_wheel_is_there_and_is_what_the_list_says(wheels: Path) -> None:
    listed = json.loads((wheels / "wheels.json").read_text(encoding="utf-8"))
    assert {"ghostwire_mesh_agent", "pip", "httpx", "pyroute2"} <= {item["name"].split("-")[0] for item in listed}
    for item in listed:
        assert hashlib.sha256((wheels / item["url"]).read_bytes()).hexdigest() == item["sha256"]


@pytest.fixture
def installed(wheels: Path, site: tuple[str, Path], tmp_path: Path) -> Path:
    """The agent, installed by the script as a machine would run it: a Python without packages, from standard input."""
    server, folder = site
    folder.rename(folder.with_name("unused"))
    folder.symlink_to(wheels)
    script = Path(install.__file__).read_text(encoding="utf-8").replace("__GHOSTWIRE_SERVER__", server)
    prefix = tmp_path / "prefix"
    words = [sys.executable, "-I", "-S", "-", "--prefix", str(prefix), "--install-only"]
    result = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return prefix / "usr" / "local" / "bin" / "ghostwire-agent"


def test_a_python_alone_installs_and_runs_the_agent(installed: Path) -> None:
    result = subprocess.run([str(installed), "version"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_installed_agent_is_all_from_its_own_folder(installed: Path) -> None:
    folder = installed.read_text(encoding="utf-8").split("insert(0, '")[1].split("'")[0]
    code = f"import sys; sys.path.insert(0, {folder!r}); import agent.cli.main, mesh.keys, httpx; " + (
        "print(agent.__file__, mesh.__file__, httpx.__file__)"
    )
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert all(path.startswith(folder) for path in result.stdout.split())
    assert not (Path(folder) / "agent" / "tests").exists()
    assert not (Path(folder) / "django").exists()
