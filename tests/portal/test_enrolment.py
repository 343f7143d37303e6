"""The one line, run by a shell that has little: what it does on a bare machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portal.enrolment import join_command

APT = """#!/bin/sh
echo "apt-get $*" >>"${0%/*}/log"
[ "$1" != install ] || printf '#!/bin/sh\\necho "python3 $3 $4 $5 $6" >>"${0%%/*}/log"\\n' >"${0%/*}/python3"
[ "$1" != install ] || /bin/chmod +x "${0%/*}/python3"
"""


def run(folder: Path, line: str) -> tuple[int, list[str]]:
    """Run a line where a shell finds the programs of that folder alone; its exit code, and what was called."""
    code = subprocess.run(
        ["/bin/sh", "-c", line], env={"PATH": str(folder)}, capture_output=True, check=False, text=True
    ).returncode
    log = folder / "log"
    return code, log.read_text().splitlines() if log.exists() else []


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("url", "packages", "words"),
    [
        ("https://vpn.example.com", "python3 ca-certificates", "up --auth-key gwk_1 "),
        ("http://192.0.2.1:8080", "python3", "up --auth-key gwk_1 --insecure-http"),
    ],
)
def test_a_machine_without_python_gets_it(tmp_path: Path, url: str, packages: str, words: str) -> None:
    program(tmp_path, "apt-get", APT)
    code, calls = run(tmp_path, str(join_command(url, "gwk_1")))
    assert code == 0
    assert calls == ["apt-get update", f"apt-get install -y {packages}", f"python3 {words}"]


def test_a_machine_with_python_installs_nothing(tmp_path: Path) -> None:
    program(tmp_path, "apt-get", APT)
    program(tmp_path, "python3", "#!/bin/sh\nexit 0\n")
    assert run(tmp_path, str(join_command("https://vpn.example.com", "gwk_1"))) == (0, [])


def test_a_portal_that_cannot_be_reached_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    code, _ = run(tmp_path, str(join_command("http://127.0.0.1:1", "gwk_1")))
    assert code == 1


def test_the_key_and_the_address_can_be_shown_apart() -> None:
    command = join_command("https://vpn.example.com", "gwk_1")
    assert (command.url, command.key) == ("https://vpn.example.com", "gwk_1")
