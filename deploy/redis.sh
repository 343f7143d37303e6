#!/bin/sh
# Runs Redis with the password that init made. It keeps nothing on disk: what it holds is told again or read anew from
# the database when it comes back empty.
set -eu
password=/passwords/redis
until [ -s "$password" ]; do
    echo "Waiting for the password, which init makes" >&2
    sleep 1
done
umask 077
# In a file, for an argument would be seen by whoever lists processes.
printf 'requirepass %s\n' "$(cat "$password")" >/tmp/redis.conf
exec redis-server /tmp/redis.conf --bind 0.0.0.0 --port 6379 --dir /tmp --save '' --appendonly no \
    --maxmemory-policy noeviction "$@"
