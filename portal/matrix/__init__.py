"""The matrix: a heat map of who may do what to whom, its equal table, and the rules behind each cell."""
