"""Reads of nodes and networks."""

from nodes.selectors.lookup import find_node, get_network
from nodes.selectors.records import load_network_record, load_node_records

__all__ = ["find_node", "get_network", "load_network_record", "load_node_records"]
