#!/bin/sh
# Makes the cluster at the first start and runs PostgreSQL. Does without the image's own entrypoint, which starts as
# root: this one needs no rights at all.
set -eu
data=${PGDATA:-/var/lib/postgresql/data}/cluster
password=/passwords/postgres
until [ -s "$password" ]; do
    echo "Waiting for the password, which init makes" >&2
    sleep 1
done
if [ ! -e "$data/PG_VERSION" ]; then
    # Made aside and moved: a start that is cut off halfway leaves no half a cluster behind.
    rm -rf "$data.new"
    initdb --pgdata "$data.new" --username ghostwire --pwfile "$password" --encoding UTF8 --locale C.UTF-8 \
        --auth-local peer --auth-host scram-sha-256 --data-checksums
    echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
    echo 'CREATE DATABASE ghostwire' | postgres --single -D "$data.new" postgres >/dev/null
    mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
