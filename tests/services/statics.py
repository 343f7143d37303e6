"""Static files, collected once a run: each portal that is started would spend seconds on the same ones."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ghostwire_site.config.model import HOME
from tests.services.once import run_folder


def put_statics(data_dir: Path) -> None:
    """Put collected static files into a data directory, as a server's first start would."""
    shutil.copytree(collected() / "static", data_dir / "static", copy_function=_link, dirs_exist_ok=True)


def collected() -> Path:
    """The folder in which a server's static files stand, below ``static``."""
    folder = run_folder() / "statics"
    folder.mkdir(exist_ok=True)
    with (folder / "collecting").open("w") as collecting:
        fcntl.flock(collecting, fcntl.LOCK_EX)
        if not (folder / "static" / "staticfiles.json").exists():
            environment = os.environ | {
                "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
                "GHOSTWIRE_CONFIG": os.devnull,
                "GHOSTWIRE_SERVER__DATA_DIR": str(folder),
            }
            command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
            subprocess.run(command, cwd=HOME, env=environment, check=True)
    return folder


def _link(source: str, target: str) -> str:
    os.link(source, target)
    return target
