"""The page of a node: its cards, and the pages that hang on it."""
