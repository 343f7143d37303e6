"""What a person reads when the server starts."""

from __future__ import annotations

from ghostwire_site.config import Config
from ghostwire_site.runner.first_run import LOGIN, Welcome
from portal.enrolment import join_command


def welcome_text(config: Config, welcome: Welcome) -> str:
    """Say where to log in and, as far as it is known at this start, with which password and how machines join."""
    url = config.public_urls[0]
    rows = [("Log in", f"{url}/admin/")]
    if welcome.password is not None:
        rows += [("User", LOGIN), ("Password", f"{welcome.password}   (also in {welcome.password_file})")]
    elif welcome.password_file is not None:
        rows += [("User", LOGIN), ("Password", f"in {welcome.password_file}, until it is changed")]
    if welcome.auth_key is not None:
        rows += [("Auth key", f"{welcome.auth_key}   (for any number of machines, for 24 hours)")]
    lines = ["", f"{config.server.name} is ready.", ""]
    lines += [f"  {name + ':':<10} {value}" for name, value in rows]
    if welcome.auth_key is not None:
        lines += ["", "  On each machine, as root:", "", f"    {join_command(url, welcome.auth_key)}"]
    else:
        lines += [f"  {'New key:':<10} .venv/bin/python manage.py authkey create --user {LOGIN} --reusable"]
    return "\n".join([*lines, ""])
