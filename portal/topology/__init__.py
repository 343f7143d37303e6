"""The graph of the network: its page, its equal table, and what its script asks for."""
