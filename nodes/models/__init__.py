from nodes.models.address import Address, NameReservation
from nodes.models.change import Change
from nodes.models.dns import DnsRecord
from nodes.models.history import HistoryCursor, OnlineSpan
from nodes.models.job import Job
from nodes.models.network import Network
from nodes.models.node import Endpoint, Node, NodeTag, RetiredKey
from nodes.models.observation import Observation
from nodes.models.relay import RelayRegion, RelayServer
from nodes.models.route import Route
from nodes.models.sample import Sample
from nodes.models.traffic import TrafficHour, TrafficTotal

__all__ = [
    "Address",
    "Change",
    "DnsRecord",
    "Endpoint",
    "HistoryCursor",
    "Job",
    "NameReservation",
    "Network",
    "Node",
    "NodeTag",
    "Observation",
    "OnlineSpan",
    "RelayRegion",
    "RelayServer",
    "RetiredKey",
    "Route",
    "Sample",
    "TrafficHour",
    "TrafficTotal",
]
