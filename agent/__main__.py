"""``python -m agent``: the same as the ``ghostwire-agent`` script."""

import sys

from agent.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
