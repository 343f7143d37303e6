"""Maps and deltas: what each node is told, as bytes ready to send."""
