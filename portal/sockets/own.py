"""The socket of a person's own pages, outside ``/admin/``: their devices, and nobody else's."""

from __future__ import annotations

from mesh.errors import NotFoundError
from nodes.models import Network, Node
from portal.sockets.consumers import PortalSocket
from portal.sockets.events import Event
from portal.sockets.kinds import ABOUT_NODES
from sessions_app.models import User


class OwnSocket(PortalSocket):
    """For whoever can log in, whatever the role. Events about nodes alone, and only of the person's own: those of the
    moment when the page was opened, and those that came or left since."""

    own: frozenset[int] = frozenset()

    def admit(self, user: User, asked: dict[str, str]) -> None:
        """Whose nodes."""
        self.own = frozenset(Node.objects.filter(owner_id=user.pk).values_list("pk", flat=True))
        node = Node.objects.filter(owner_id=user.pk).order_by("pk").values_list("network_id", flat=True).first()
        network_id = node or Network.objects.order_by("pk").values_list("pk", flat=True).first()
        if network_id is None:
            raise NotFoundError("There is no network.")
        self.network_id = network_id
        self.events = ABOUT_NODES

    def seen(self, event: Event) -> Event | None:
        """Names own nodes only. An event that names none is passed on to who has any, without a version."""
        if event.type not in self.events:
            return None
        before = self.own
        self.own = before - {node for node, _ in event.owned} | {
            node for node, user in event.owned if user == self.visitor.user_id
        }
        known = before | self.own
        if event.nodes is None:
            return Event(event.type, event.network_id) if known else None
        own = event.nodes & known
        return Event(event.type, event.network_id, None, own) if own else None
