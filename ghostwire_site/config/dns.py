"""``network.dns``: the names and resolvers that agents are told."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ghostwire_site.config.values import Address, Domain


class Record(BaseModel):
    """One name that is not a node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Domain = Field(description="Full name, as db.mycompany.ghost.")
    type: Literal["A", "AAAA"] = Field(default="A", description="A for an IPv4 address, AAAA for an IPv6 address.")
    value: Address = Field(description="The address that the name stands for.")

    @model_validator(mode="after")
    def _address_fits_type(self) -> Self:
        if (self.value.version == 6) != (self.type == "AAAA"):
            raise ValueError(f"a record of type {self.type} cannot have the address {self.value}")
        return self


class Dns(BaseModel):
    """Names and resolvers of the mesh."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    magic_dns: bool = Field(default=True, description="Agents make every peer's name known on their machine.")
    nameservers: tuple[Address, ...] = Field(
        default=(), description="Resolvers for all other names.", examples=[["9.9.9.9"]]
    )
    split: dict[Domain, tuple[Address, ...]] = Field(
        default={}, description="Resolvers for one domain.", examples=[{"corp.example": ["10.0.0.53"]}]
    )
    search_domains: tuple[Domain, ...] = Field(
        default=(), description="Domains that a short name is tried in.", examples=[["corp.example"]]
    )
    records: tuple[Record, ...] = Field(
        default=(),
        description="Further names.",
        examples=[[{"name": "printer.mycompany.ghost", "type": "A", "value": "192.0.2.7"}]],
    )
