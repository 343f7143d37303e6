"""``make stack-test``: the stack of docker-compose.yml, really brought up, where there is no Docker engine.

Podman and podman-compose stand in for Docker. Where no image registry can be reached either, the base images are made
of Debian's own packages and tagged with the names that the Dockerfile asks for. By hand and before a release; needs
root on Debian 12, and half an hour the first time.
"""
