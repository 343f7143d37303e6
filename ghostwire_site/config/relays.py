"""``network.relays``: relay regions and the servers in them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ghostwire_site.config.values import Domain

Port = Annotated[int, Field(ge=1, le=65535)]


def _distinct_names(servers: tuple[RelayServer, ...]) -> tuple[RelayServer, ...]:
    names = [server.name for server in servers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two servers of one region are named {name!r}")
    return servers


class RelayServer(BaseModel):
    """One relay server of a region."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(description="Short name, as fra-1.")
    host: Domain = Field(description="Host name that agents connect to.")
    ipv4: IPv4Address | None = Field(
        default=None, description="Its IPv4 address, where the name need not be looked up."
    )
    ipv6: IPv6Address | None = Field(
        default=None, description="Its IPv6 address, where the name need not be looked up."
    )
    port: Port = Field(default=443, description="TCP port of the relay.")
    stun_port: Port = Field(default=3478, description="UDP port that answers STUN.")


class RelayRegion(BaseModel):
    """A place with relay servers; agents measure their way to each and choose a home."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[int, Field(ge=1, le=65535)] = Field(description="Number of the region; never reused for another.")
    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")] = Field(description="Short code, as fra.")
    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Name for people.")
    servers: Annotated[tuple[RelayServer, ...], AfterValidator(_distinct_names)] = Field(
        default=(), description="The servers of this region."
    )


def _distinct_regions(regions: tuple[RelayRegion, ...]) -> tuple[RelayRegion, ...]:
    for member in ("id", "code"):
        values = [getattr(region, member) for region in regions]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"two regions have the {member} {value!r}")
    return regions


Relays = Annotated[
    tuple[RelayRegion, ...],
    AfterValidator(_distinct_regions),
    Field(
        examples=[
            [
                {
                    "id": 1,
                    "code": "fra",
                    "name": "Frankfurt",
                    "servers": [{"name": "fra-1", "host": "fra-1.relay.example.com", "port": 443, "stun_port": 3478}],
                }
            ]
        ]
    ),
]
