"""Ends of flows as people write them: a node by name, full name or id, an address, or a named host."""

from __future__ import annotations

from ipaddress import ip_address

from acl.models import Host
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.explain.flow import Point
from mesh.policy import parse_prefix
from nodes.selectors import find_node


def find_point(network_id: int, text: str, *, field: str) -> Point:
    """The end of a flow that ``text`` means. ``field`` names it in errors. Raises ValidationError, NotFoundError."""
    text = text.strip()
    try:
        return ip_address(text)
    except ValueError:
        pass
    name = text.removeprefix("host:")
    prefix = Host.objects.filter(network_id=network_id, name=name).values_list("prefix", flat=True).first()
    if prefix is not None:
        network = parse_prefix(prefix)
        if network.prefixlen < network.max_prefixlen:
            words = f"host:{name} is {network}: name one address of it"
            raise ValidationError(words, errors=(FieldError(field, words),))
        return network.network_address
    try:
        return find_node(network_id, text.removeprefix("node:")).pk
    except NotFoundError as error:
        raise NotFoundError(f"{field}: {error.detail}") from error
