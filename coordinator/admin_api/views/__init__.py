"""The calls of the administration API, one noun a file: check, ask a service or a selector, answer."""
