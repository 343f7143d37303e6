"""``manage.py dns``: names that the mesh's resolver answers beside those of the nodes."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from coordinator.admin_api.edits import edit_record
from coordinator.admin_api.serializers.dns_records import DnsRecordOut
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.options import ForceOption, NetworkOption, act
from coordinator.cli.references import dns_record_named
from coordinator.cli.results import Column, Done, Listing, shaped_by
from coordinator.cli.settings import note_if_configured
from coordinator.cli.terminal import confirm
from mesh.names import fqdn
from nodes.models import DnsRecord, Network
from nodes.selectors import get_network
from nodes.services.dns import delete_record, save_record

noun = Noun("dns", "DNS records: names that the mesh's resolver answers beside those of the nodes.")

KEY: Final = ("dns", "records")
record_shape: Final = shaped_by(DnsRecordOut)

RecordArgument = Annotated[str, typer.Argument(metavar="RECORD", help="A record by name or id.")]
COLUMNS: Final = [
    Column("Id", lambda record: str(record.pk), keep=True, right=True),
    Column("Name", lambda record: record.name),
    Column("Type", lambda record: record.type, keep=True),
    Column("Value", lambda record: record.value, keep=True),
]


@noun.verb("list", "ls")
def list_records(network: NetworkOption = None) -> Listing:
    """List DNS records."""
    rows = DnsRecord.objects.filter(network=get_network(network))
    return Listing(list(rows), COLUMNS, "There are no DNS records yet.", shape=record_shape)


@noun.verb("create", "c", "new")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whole, or one label of the network's domain.")],
    value: Annotated[str, typer.Argument(metavar="ADDRESS", help="IPv4 makes a record of type A, IPv6 one of AAAA.")],
    network: NetworkOption = None,
) -> Done:
    """Let a name lead to an address. Several records of one name are answered together."""
    within = get_network(network)
    record = save_record(network_id=within.pk, name=_whole(within, name), type=_type(value), value=value, **act())
    note_if_configured(within, *KEY)
    return Done(f"{record.name} leads to {record.value}.", record, shape=record_shape)


@noun.verb("update", "set")
def update(
    *,
    record: RecordArgument,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    value: Annotated[str | None, typer.Option("--value", metavar="ADDRESS", help="The new address.")] = None,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """Change a record's name or address."""
    if name is None and value is None:
        raise WrongUsageError("Say what to change: --name or --value.")
    within = get_network(network)
    found = dns_record_named(within, record)
    changes: dict[str, Any] = {} if name is None else {"name": _whole(within, name)}
    if value is not None:
        changes |= {"type": _type(value), "value": value}
    confirm(f"Change {found.name}?", losses=[f"It no longer leads to {found.value}."], force=force or value is None)
    after = edit_record(network_id=within.pk, record_id=found.pk, changes=changes, **act())
    note_if_configured(within, *KEY)
    return Done(f"{after.name} leads to {after.value}.", after, shape=record_shape)


@noun.verb("delete", "rm", "remove")
def delete(record: RecordArgument, network: NetworkOption = None, force: ForceOption = False) -> Done:
    """Remove a record."""
    within = get_network(network)
    found = dns_record_named(within, record)
    deleted = {"id": found.pk, "name": found.name, "deleted": True}
    confirm(f"Delete {found}?", losses=[f"{found.name} no longer leads to {found.value}."], force=force)
    delete_record(record_id=found.pk, **act())
    note_if_configured(within, *KEY)
    return Done(f"{found} is deleted.", deleted)


def _whole(network: Network, name: str) -> str:
    return fqdn(name, network.domain) if "." not in name else name


def _type(value: str) -> str:
    return str(DnsRecord.Type.AAAA if ":" in value else DnsRecord.Type.A)


class Command(NounCommand):
    """The management command."""

    noun = noun
