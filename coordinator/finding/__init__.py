"""Finding nodes: by state, owner, tag, system, time, address or key, alike for pages, API, commands and jobs."""
