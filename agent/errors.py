"""What can go wrong on a machine. Kin of ``mesh.errors``, so that one ``except GhostWireError`` holds at the edges."""

from __future__ import annotations

from mesh.errors import GhostWireError, ValidationError


class UsageError(GhostWireError):
    """The command line asks for something that does not go together. Exit code 2."""

    code = "usage"
    status = 400
    title = "Wrong usage"


class PortalUnreachableError(GhostWireError):
    """No answer came from the portal, or none that follows the protocol. Trying again later may help."""

    code = "portal_unreachable"
    status = 503
    title = "Portal unreachable"


class BackendError(GhostWireError):
    """The machine did not do what the agent asked of it: no device, no right, no tool."""

    code = "backend"
    status = 500
    title = "The machine refused"


class InterfaceTakenError(BackendError):
    """The interface's name belongs to somebody else on this machine."""


class MapRefusedError(ValidationError):
    """A network map that does not hold together. Nothing of it is applied, the map before it stays in force."""

    code = "map_refused"
    title = "Network map refused"


class OutdatedMapError(MapRefusedError):
    """A network map of an earlier version than one that was applied: versions only grow within an epoch."""

    title = "Outdated network map"


class NotRunningError(GhostWireError):
    """No agent runs on this state directory."""

    code = "not_running"
    status = 503
    title = "The agent is not running"


class NotUpError(GhostWireError):
    """The time for coming up is over; the agent goes on trying."""

    code = "not_up"
    status = 503
    title = "Not up yet"


class LoginNeededError(GhostWireError):
    """The machine is not registered, or the portal wants it to register again, and there is no auth key to do so."""

    code = "login_needed"
    status = 401
    title = "Login needed"


class StateError(GhostWireError):
    """The state directory cannot be read or written, or another agent holds it."""

    code = "state"
    status = 500
    title = "State directory"
