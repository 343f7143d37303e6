"""The palette: one box that finds nodes, people, rules, pages and acts, and leads to them."""
