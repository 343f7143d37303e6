#!/bin/sh
# Runs one part of GhostWire in its container: init, portal, edge, worker or beat; working, for
# the health check of the last two; or else any command of manage.py.
# Nothing relies on the order in which containers start: each part waits for what it needs.
set -eu
umask 077
passwords=/passwords

make_password() {
    # Whoever mounts the volume and is of the group reads it: PostgreSQL and Redis run as users of their own.
    [ -s "$passwords/$1" ] && return
    python -c 'import secrets; print(secrets.token_urlsafe(32))' >"$passwords/.$1"
    chmod 0440 "$passwords/.$1"
    mv "$passwords/.$1" "$passwords/$1"
}

read_password() {
    until [ -s "$passwords/$1" ]; do
        echo "Waiting for the password of $1" >&2
        sleep 1
    done
    cat "$passwords/$1"
}

part=${1:-portal}
if [ "$part" = init ]; then
    make_password postgres
    make_password redis
fi
: "${GHOSTWIRE_DATABASE__URL:=postgresql://ghostwire:$(read_password postgres)@postgres:5432/ghostwire}"
: "${GHOSTWIRE_REDIS__URL:=redis://:$(read_password redis)@redis:6379/0}"
export GHOSTWIRE_DATABASE__URL GHOSTWIRE_REDIS__URL

case $part in
init)
    exec python manage.py prepare
    ;;
portal)
    python manage.py wait
    exec python manage.py serve --without-tasks
    ;;
edge)
    python manage.py wait
    exec uvicorn ghostwire_site.asgi:application --host 0.0.0.0 --port 8080 --ws websockets-sansio \
        --ws-max-size 131072 --lifespan on --no-proxy-headers --no-access-log --no-server-header --backlog 4096 \
        --timeout-graceful-shutdown 10
    ;;
worker)
    python manage.py wait
    exec celery --app ghostwire_site worker --pool threads --concurrency "${GHOSTWIRE_WORKER_THREADS:-4}" \
        --without-gossip --without-mingle --loglevel WARNING
    ;;
beat)
    python manage.py wait
    exec celery --app ghostwire_site beat --pidfile= --loglevel WARNING
    ;;
working)
    exec python -m deploy.working
    ;;
*)
    exec python manage.py "$@"
    ;;
esac
