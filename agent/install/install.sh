#!/bin/sh
# Installs the GhostWire agent: finds a Python that is new enough and runs the portal's install.py with it.
#   curl -fsSL __GHOSTWIRE_SERVER__/agent/install.sh | sudo sh -s -- up --auth-key KEY
set -eu
server='__GHOSTWIRE_SERVER__'
for python in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null 2>&1 &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -c 'import sys, urllib.request as r
exec(compile(r.urlopen(sys.argv.pop(1)).read(), "install.py", "exec"))' "$server/agent/install.py" "$@"
    fi
done
echo "ghostwire: Python 3.11 or newer is needed. On Debian or Ubuntu: apt install python3" >&2
exit 1
