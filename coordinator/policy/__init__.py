"""Policies over the live network: what needs the engine, the nodes as they are, and the change log together."""
