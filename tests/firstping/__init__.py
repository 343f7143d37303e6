"""``make first-ping``: how long it takes from nothing to the first ping, on bare machines.

Three machines that have only what ``debootstrap --variant=minbase`` gives, one line on the server and one on each of
the others, exactly as README and portal say them. By hand and before a release; needs root, and the way to Debian's
packages and to PyPI that this machine has.
"""
