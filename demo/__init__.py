"""A mesh to look at: machines in namespaces, a portal among them, and WireGuard between."""
