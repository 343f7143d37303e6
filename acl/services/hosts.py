"""Named addresses and CIDRs."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from acl.models import Host
from acl.services.policy import activate_policy, check_no_denial_names, check_version
from mesh.change import Cause
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.policy import Selector, SelectorKind, parse_prefix
from mesh.policy.selectors import format_prefix, is_name
from nodes.changes import lock_network
from nodes.models import Node


@transaction.atomic
def save_host(
    *,
    network_id: int,
    name: str,
    prefix: str,
    cause: Cause,
    now: datetime,
    comment: str = "",
    host_id: int | None = None,
    forced: bool = False,
    expected_version: int | None = None,
) -> Host:
    """Creates a named host, or with ``host_id`` makes an existing one so. ``name`` without ``host:``.

    Raises ValidationError, ConflictError (name taken, also by a node), NotFoundError.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    name = name.removeprefix("host:")
    host = Host(network=network)
    if host_id is not None:
        found = Host.objects.filter(network=network, pk=host_id).first()
        if found is None:
            raise NotFoundError(f"There is no host {host_id}.")
        host = found
        if host.name != name:
            raise ConflictError("A host keeps its name: rules refer to it.")
    errors = []
    if not is_name(name):
        errors.append(FieldError("name", "Letters, digits and - _ . only."))
    try:
        normal = format_prefix(parse_prefix(prefix.strip()))
    except ValidationError as error:
        errors.append(FieldError("prefix", error.detail))
    if errors:
        raise ValidationError("The host is refused.", errors=tuple(errors))
    if Host.objects.filter(network=network, name=name).exclude(pk=host_id or 0).exists():
        raise ConflictError(f"There is a host {name} already.")
    if Node.objects.filter(network=network, name=name).exists():
        raise ConflictError(f"{name} is the name of a node.")
    host.name, host.prefix, host.comment = name, normal, comment
    host.save()
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return host


@transaction.atomic
def delete_host(
    *, host_id: int, cause: Cause, now: datetime, forced: bool = False, expected_version: int | None = None
) -> None:
    """Removes a named host. Raises NotFoundError, ConflictError if an enabled deny rule names it, unless
    ``forced``, or for what ``activate_policy`` says."""
    host = Host.objects.filter(pk=host_id).first()
    if host is None:
        raise NotFoundError(f"There is no host {host_id}.")
    network = lock_network(host.network_id)
    check_version(network=network, expected=expected_version)
    overridden = check_no_denial_names(
        network=network, selector=Selector(SelectorKind.HOST, name=host.name), what=f"host:{host.name}", forced=forced
    )
    host.delete()
    activate_policy(network=network, cause=cause, now=now, forced=forced, overridden=overridden)
