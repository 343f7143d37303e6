"""The agent's run: keeps the conversation with the portal going, and the tunnel as the portal's map says."""
