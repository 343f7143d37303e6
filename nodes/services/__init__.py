"""Operations on networks, nodes and what belongs to them. Each takes the network's lock and records its change."""
