"""Acts on very many nodes at once: planned, carried out in the background as few changes, and undone."""
