"""The keys of ``ghostwire.yaml``: their types, defaults and what each is for.

The descriptions are what ``manage.py config example`` prints. A key stands here only if something reads it.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PostgresDsn, RedisDsn, UrlConstraints

from ghostwire_site.config.dns import Dns
from ghostwire_site.config.relays import Relays
from ghostwire_site.config.values import (
    Addresses,
    AnyNetwork,
    Domain,
    Duration,
    Listen,
    ListenAddress,
    Network4,
    Network6OrRandom,
    Origin,
    Rate,
    RateLimit,
    Size,
    between,
    parse_listen_address,
    parse_network,
    parse_rate,
)

HOME = Path(__file__).resolve().parent.parent.parent
"""The folder of ``manage.py``: relative paths in the configuration count from here."""


def _absolute(path: Path) -> Path:
    return (HOME / path.expanduser()).resolve()


FilePath = Annotated[Path, AfterValidator(_absolute)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]

Slug = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$")]


class Section(BaseModel):
    """A part of the file: read once, never changed, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Server(Section):
    """Where this server listens, keeps its data, and how the world calls it."""

    name: Name = Field(default="GhostWire", description="What agents and people see as the name of this server.")
    listen_addr: Listen = Field(
        default=parse_listen_address("0.0.0.0:8080"), description="Address and port of portal, API and agent sockets."
    )
    data_dir: FilePath = Field(
        default=HOME / "var", description="Folder of the database, the secrets and the first password; mode 0700."
    )
    public_urls: tuple[Origin, ...] = Field(
        default=(),
        description=(
            "Every URL under which people and agents reach this server. Allowed hosts, trusted origins and the "
            "audience of proofs follow from it; cookies are Secure where all are https. Without it: http on each "
            "address of this machine, with the port of listen_addr. The first one is printed and handed out."
        ),
        examples=[["https://vpn.example.com"]],
    )
    trusted_proxies: tuple[AnyNetwork, ...] = Field(
        default=(parse_network("127.0.0.0/8"), parse_network("::1/128")),
        description="Networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )


class Network(Section):
    """The mesh: its addresses, its times and what its agents are told."""

    name: Slug = Field(default="default", description="Name of the network that is made at the first start.")
    domain: Domain = Field(default="mycompany.ghost", description="Domain under which nodes have their names.")
    ipv4_range: Network4 = Field(default=IPv4Network("10.1.0.0/16"), description="IPv4 allocation pool.")
    ipv6_range: Network6OrRandom = Field(
        default="random",
        description=(
            'IPv6 allocation pool. "random": a private /48 of its own (RFC 4193), made once at the first start; '
            "null: no IPv6 in the mesh."
        ),
        examples=["fd7a:115c:a1e0::/48"],
    )
    exclude: tuple[Addresses, ...] = Field(
        default=(),
        description="Addresses of the pools that are never given to a node: single, a-b, or CIDR.",
        examples=[["10.1.255.0/24", "10.1.0.10-10.1.0.20"]],
    )
    keepalive_interval: Annotated[Duration, between("1s", "10m")] = Field(
        default=timedelta(seconds=30), description="Heartbeat interval of the agents."
    )
    grace_period: Annotated[Duration, between("0s", "1h")] = Field(
        default=timedelta(seconds=60),
        description="After two missed heartbeats: how long until a node counts as offline.",
    )
    lease: Annotated[Duration, between("1m", "30d")] = Field(
        default=timedelta(hours=12), description="How long an agent keeps its peers without contact to this server."
    )
    quarantine: Annotated[Duration, between("1m", "365d")] = Field(
        default=timedelta(hours=24),
        description="How long the addresses and the name of a deleted node stay unused; at least the lease.",
    )
    max_peers: int = Field(default=5000, ge=1, le=100_000, description="Most peers that one node may have.")
    key_rotation: Annotated[Duration, between("0s", "3650d")] | None = Field(
        default=timedelta(days=30),
        description="After how long a node makes a new WireGuard key; 0s or null: never by itself.",
    )
    approve_nodes: bool = Field(
        default=False,
        description="Whether each new node waits until somebody approves it, unless its auth key is pre-approved.",
    )
    push_interval: Annotated[Duration, between("0s", "1m", whole_seconds=False)] = Field(
        default=timedelta(milliseconds=250), description="Shortest time between two changes pushed to one agent."
    )
    dns: Dns = Field(default=Dns(), description="Names and resolvers that agents are told.")
    relays: Relays = Field(default=(), description="Relay regions and their servers, for every map.")

    @property
    def ipv6_is_random(self) -> bool:
        """Whether the network gets a random ULA /48 when it is made."""
        return self.ipv6_range == "random"

    @property
    def ipv6_network(self) -> IPv6Network | None:
        """The configured IPv6 pool; None where there is to be none, or a random one."""
        return self.ipv6_range if isinstance(self.ipv6_range, IPv6Network) else None


class Auth(Section):
    """How long credentials live, and how many machines a user may have."""

    session_timeout: Annotated[Duration, between("1m", "365d")] = Field(
        default=timedelta(hours=24), description="Session token lifetime."
    )
    node_key_lifetime: Annotated[Duration, between("1h", "3650d")] = Field(
        default=timedelta(days=180), description="After this a user's machine must register again; tagged nodes never."
    )
    max_nodes_per_user: int = Field(default=100, ge=1, le=100_000, description="Most live nodes that one user may own.")


class Database(Section):
    """SQLite by default; PostgreSQL with a url."""

    path: FilePath | None = Field(
        default=None,
        description="The SQLite file. Without it: db.sqlite in server.data_dir.",
        examples=["/var/lib/ghostwire/db.sqlite"],
    )
    url: Annotated[PostgresDsn, UrlConstraints(allowed_schemes=["postgres", "postgresql"])] | None = Field(
        default=None,
        description="PostgreSQL instead of SQLite; then path, cache_size and parallel_writes mean nothing.",
        examples=["postgresql://ghostwire:secret@db.example.com:5432/ghostwire"],
    )
    cache_size: Size = Field(
        default=256 * 10**6, description="SQLite: most memory for cached pages, for each connection."
    )
    parallel_writes: bool = Field(
        default=True,
        description=(
            "SQLite: write-ahead log, so that readers go on while one writes, and writers wait for their turn. "
            "false: a rollback journal, where readers and a writer wait for each other (for network file systems)."
        ),
    )
    connections: int = Field(
        default=64, ge=1, le=10_000, description="PostgreSQL: most connections of all processes together."
    )
    processes: int = Field(
        default=5,
        ge=1,
        le=1000,
        description=(
            "PostgreSQL: how many processes share the connections, each an equal part: every server process, Celery "
            "worker and beat."
        ),
    )
    statement_timeout: Annotated[Duration, between("1s", "1h")] = Field(
        default=timedelta(seconds=60),
        description="PostgreSQL: longest time for one statement, and for a transaction that does nothing.",
    )
    lock_timeout: Annotated[Duration, between("1s", "1h")] = Field(
        default=timedelta(seconds=20), description="PostgreSQL: longest wait for a lock."
    )

    @property
    def pool_size(self) -> int:
        """Most connections of one process."""
        return max(1, self.connections // self.processes)


class Redis(Section):
    """What several processes share. Without it, one process does all and keeps this in its memory."""

    url: Annotated[RedisDsn, UrlConstraints(allowed_schemes=["redis", "rediss", "unix"])] | None = Field(
        default=None, description="Redis for hints, presence, limits and tasks.", examples=["redis://127.0.0.1:6379/0"]
    )
    max_connections: int = Field(default=512, ge=8, le=50_000, description="Most connections of one process to Redis.")


class Logging(Section):
    """What is written to standard error. Keys and tokens are masked at every level."""

    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] = Field(
        default="INFO", description="Least level written."
    )
    format: Literal["console", "json"] = Field(
        default="console", description="Lines for people, or one JSON object a line."
    )


class Limits(Section):
    """How often strangers may knock. Limits of a node's own calls are part of the protocol."""

    challenges_per_address: RateLimit = Field(
        default=parse_rate("600/min"), description="Challenges asked for from one address (IPv6: one /64)."
    )
    challenges_in_all: RateLimit = Field(default=parse_rate("60000/min"), description="Challenges asked for by all.")
    registrations_per_address: RateLimit = Field(
        default=parse_rate("300/min"), description="Registrations tried from one address (IPv6: one /64)."
    )
    registrations_per_key: RateLimit = Field(
        default=parse_rate("600/min"), description="Registrations tried with one auth key."
    )
    registrations_in_all: RateLimit = Field(default=parse_rate("30000/min"), description="Registrations tried by all.")


class Metrics(Section):
    """Who may read what this server counts, at /metrics, in the format of Prometheus."""

    allow: tuple[AnyNetwork, ...] = Field(
        default=(parse_network("127.0.0.0/8"), parse_network("::1/128")),
        description=(
            "Networks that may read without the token, by the address of the connection itself; a request that a proxy "
            "passed on never counts as coming from here."
        ),
    )
    token: Annotated[str, Field(min_length=16, max_length=256, pattern=r"^[!-~]+$")] | None = Field(
        default=None,
        description="Whoever sends it as a bearer token may read from anywhere.",
        examples=["at-least-16-characters"],
    )
    tasks_addr: Listen | None = Field(
        default=None,
        description="Where Celery's worker and beat serve /metrics: an address for each process, by its environment.",
        examples=["127.0.0.1:9101"],
    )


KeptFor = Annotated[Duration, between("1h", "3650d")] | None


class Retention(Section):
    """How long the log of changes keeps what each change said. After that a row keeps version, kind, time and actor.

    Maps do not need old facts; questions about the past do. null: for ever.
    """

    endpoints: KeptFor = Field(default=timedelta(days=7), description="Where machines could be reached.")
    presence: KeptFor = Field(default=timedelta(days=7), description="Who came online and fell silent.")
    nodes: KeptFor = Field(default=None, description="Machines: what they were, whose, with which routes and tags.")
    sessions: KeptFor = Field(default=None, description="Sessions that began and ended.")
    policy: KeptFor = Field(default=None, description="Who changed the policy; its versions are kept in any case.")
    users: KeptFor = Field(default=None, description="People: what they were called, and their roles.")
    network: KeptFor = Field(default=None, description="Settings, DNS records and relays.")
    credentials: KeptFor = Field(default=None, description="Keys and tokens that ended, passwords that were set.")
    audit: KeptFor = Field(
        default=timedelta(days=365), description="Not of the log: who logged in, was refused, was invited."
    )
    history: Annotated[Duration, between("1d", "3650d")] = Field(
        default=timedelta(days=30), description="Not of the log: how far back it is known when machines were online."
    )


SECTIONS: dict[str, type[Section]] = {
    "server": Server,
    "network": Network,
    "auth": Auth,
    "database": Database,
    "redis": Redis,
    "logging": Logging,
    "limits": Limits,
    "metrics": Metrics,
    "retention": Retention,
}

__all__ = [
    "HOME", "SECTIONS", "Auth", "Database", "Limits", "ListenAddress", "Logging", "Metrics", "Network", "Rate", "Redis",
    "Retention", "Section", "Server",
]  # fmt: skip
