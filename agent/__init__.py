"""The GhostWire agent: what runs on a machine and keeps its WireGuard interface as the portal's map says.

It stands beside the portal's rooms and shares only ``mesh.keys`` and ``mesh.errors`` with them, never Django.
"""

__version__ = "0.1.0"
