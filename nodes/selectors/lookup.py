"""Finds networks and nodes by what people call them."""

from __future__ import annotations

from ipaddress import ip_address

from django.db.models import QuerySet

from mesh.addressing import pack
from mesh.errors import NotFoundError, ValidationError
from nodes.models import Network, Node


def get_network(name: str | None = None) -> Network:
    """The network called ``name``; without a name the only one.

    Raises NotFoundError if there is none, ValidationError if there are several and none was named.
    """
    if name is not None:
        network = Network.objects.filter(name=name).first()
        if network is None:
            raise NotFoundError(f"There is no network {name!r}.")
        return network
    networks = list(Network.objects.order_by("pk")[:2])
    if not networks:
        raise NotFoundError("There is no network yet.")
    if len(networks) > 1:
        raise ValidationError("There are several networks: name one.")
    return networks[0]


def find_node(network_id: int, reference: str) -> Node:
    """A node by its id, name, full name or address.

    Raises NotFoundError if nothing in the network is called so.
    """
    nodes = Node.objects.filter(network_id=network_id)
    if reference.isascii() and reference.isdigit():
        found = nodes.filter(pk=int(reference[:18])).first()
    else:
        domain = Network.objects.values_list("domain", flat=True).get(pk=network_id)
        name = reference.lower().rstrip(".").removesuffix(f".{domain}")
        found = nodes.filter(name=name).first() or _find_by_address(nodes, reference)
    if found is None:
        raise NotFoundError(f"There is no node {reference!r}.")
    return found


def _find_by_address(nodes: QuerySet[Node], reference: str) -> Node | None:
    try:
        packed = pack(ip_address(reference))
    except ValueError:
        return None
    return nodes.filter(addresses__packed=packed).first()
