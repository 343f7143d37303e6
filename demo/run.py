"""``make demo``: the story, told on a terminal. Needs root; leaves nothing behind."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from demo.lab import Lab, LabUnavailableError
from demo.story import Story


def main() -> int:
    """Tell it; the exit code says whether all of it came true."""
    with tempfile.TemporaryDirectory(prefix="ghostwire-demo-") as folder:
        try:
            with Lab() as lab:
                story = Story(lab, Path(folder) / "data", lambda text: print(f"• {text}", flush=True))
                story.start_portal()
                story.enrol("alpha", "beta", "gamma")
                story.ping_all()
                story.forbid("alpha", "beta")
                story.open_one_port("gamma", "beta", 8080)
                story.lift_rules()
                story.delete_in_admin("alpha")
                story.come_down()
        except LabUnavailableError as error:
            print(error, file=sys.stderr)
            return 2
        except AssertionError as error:
            print(f"This did not come true: {error}", file=sys.stderr)
            log = Path(folder) / "portal.log"
            print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-30:]), file=sys.stderr)
            return 1
    print("• Everything is cleaned up.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
