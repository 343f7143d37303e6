# syntax=docker/dockerfile:1
# Images of the stack in docker-compose.yml, a target each. Nothing is mounted into them but volumes, so the stack also
# comes up on a Docker host that is not this machine.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.lock ./
RUN python3.11 -m venv /venv && /venv/bin/python -m pip install --require-hashes -r requirements.lock
COPY . .
# What machines fetch from the portal to become nodes.
RUN /venv/bin/python agent/install/build_wheels.py \
    && /venv/bin/python -m compileall -q -j 0 /app /venv

FROM python:3.11-slim-bookworm AS ghostwire
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GHOSTWIRE_SERVER__DATA_DIR=/data
RUN groupadd --gid 10001 ghostwire \
    && useradd --uid 10001 --gid ghostwire --no-create-home --home-dir /data --shell /usr/sbin/nologin ghostwire \
    && install -d -o ghostwire -g ghostwire -m 0700 /data \
    && install -d -o ghostwire -g ghostwire -m 0750 /passwords
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/deploy/run.sh"]
CMD ["portal"]

FROM postgres:15-bookworm AS database
RUN groupadd --gid 10001 ghostwire && usermod --append --groups ghostwire postgres
COPY deploy/postgres.sh /usr/local/bin/ghostwire-postgres
USER postgres
# A smart stop would wait for clients to go: they stay.
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/ghostwire-postgres"]

FROM redis:7.0-bookworm AS redis
RUN groupadd --gid 10001 ghostwire && usermod --append --groups ghostwire redis
COPY deploy/redis.sh /usr/local/bin/ghostwire-redis
USER redis
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/ghostwire-redis"]

FROM caddy:2.10 AS proxy
# The image's own binary may bind low ports by a file capability, with which it cannot start where capabilities are
# dropped; a copy has none and needs none: it listens on 8080 and 8443.
RUN cp /usr/bin/caddy /usr/local/bin/ghostwire-caddy && chown -R 10001:10001 /data /config
COPY deploy/Caddyfile /etc/caddy/Caddyfile
USER 10001:10001
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/ghostwire-caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

FROM prom/prometheus:v3.5.0 AS prometheus
COPY deploy/prometheus.yml deploy/alerts.yml /etc/prometheus/

FROM grafana/grafana:12.1.1 AS grafana
COPY deploy/grafana/datasources.yml /etc/grafana/provisioning/datasources/ghostwire.yml
COPY deploy/grafana/dashboards.yml /etc/grafana/provisioning/dashboards/ghostwire.yml
COPY deploy/grafana/ghostwire.json /etc/grafana/dashboards/ghostwire.json

# What `docker build .` makes without a target.
FROM ghostwire
