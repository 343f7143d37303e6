"""Who reaches whom on which ports, over the live network, with the names that people know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acl.selectors import labels_of
from coordinator.replica import current_state
from mesh.compile import CompiledPolicy
from mesh.explain.matrix import GroupBy, Label, matrix
from mesh.policy import Labels, PortRange, format_ports, format_protocol
from mesh.policy.services import LAST_PORT, PORT_PROTOCOLS

SHOWN = 50
"""How many rows there are at most, unless the caller wants another number."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row and column: its name and how many nodes it stands for. Cells refer to it by its index."""

    name: str
    nodes: int


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """From one row to another, by index: of ``possible`` ordered pairs of nodes ``pairs`` have an accepted flow, on
    ``services`` taken together (``tcp:22,80-90``, ``icmp``)."""

    source: int
    destination: int
    pairs: int
    possible: int
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyMatrix:
    """Rows by descending number of nodes, cells that are not empty, and how many rows did not fit."""

    by: GroupBy
    rows: tuple[MatrixRow, ...]
    cells: tuple[MatrixCell, ...]
    left_out: int


def policy_matrix(*, network_id: int, by: GroupBy, limit: int = SHOWN) -> PolicyMatrix:
    """The matrix of the policy in force by user, group, tag or policy class. Raises NotFoundError."""
    return matrix_of(current_state(network_id).policy, by, labels_of(network_id), limit)


def matrix_of(compiled: CompiledPolicy, by: GroupBy, labels: Labels, limit: int = SHOWN) -> PolicyMatrix:
    """The matrix of a compiled policy."""
    found = matrix(compiled, by, limit=limit)
    index = {row.label: number for number, row in enumerate(found.rows)}
    cells = [
        MatrixCell(index[source], index[target], cell.pairs, cell.possible, services_words(cell.services))
        for (source, target), cell in found.cells.items()
    ]
    return PolicyMatrix(
        by,
        tuple(MatrixRow(_name(row.label, by, labels), row.nodes) for row in found.rows),
        tuple(sorted(cells, key=lambda cell: (cell.source, cell.destination))),
        found.left_out,
    )


def services_words(services: Iterable[tuple[int, tuple[PortRange, ...]]]) -> tuple[str, ...]:
    """Protocols with their ports as people write them."""
    return tuple(_service(protocol, ports) for protocol, ports in services)


def _service(protocol: int, ports: tuple[PortRange, ...]) -> str:
    name = format_protocol(protocol)
    if protocol not in PORT_PROTOCOLS:
        return name
    return f"{name}:{'*' if ports == (PortRange(0, LAST_PORT),) else format_ports(ports)}"


def _name(label: Label, by: GroupBy, labels: Labels) -> str:
    match by:
        case GroupBy.USER:
            return f"user:{labels.users.get(int(label), f'#{label}')}"
        case GroupBy.GROUP:
            return f"group:{label}"
        case GroupBy.CLASS:
            return f"class {label}"
        case _:
            return str(label)
