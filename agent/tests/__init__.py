"""Tests of the agent: pure parts by table, the conversation against a portal in miniature, and real WireGuard."""
