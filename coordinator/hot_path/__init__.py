"""Heartbeats, answered from memory in front of Django: no SQL and no thread for a node of which nothing is new."""
