"""How the agent gets onto a machine: what the portal serves, and the script that a machine runs."""
