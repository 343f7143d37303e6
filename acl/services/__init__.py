"""Operations on a network's policy. Each takes the network's lock, checks the whole and records its change."""
