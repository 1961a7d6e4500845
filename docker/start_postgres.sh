#!/bin/sh
# Runs PostgreSQL from the system's package the way the image of PostgreSQL does. The first start creates the data folder with
# roles and databases, under another name until it is complete.
#
#   start_postgres.sh DATA postgres [OPTION...]
set -eu
data=$1
shift
cd /
# Debian keeps the programs of each release in a separate folder
newest=$(find /usr/lib/postgresql/*/bin/initdb 2> /dev/null | sort -V | tail -n 1)
[ -z "$newest" ] || PATH=${newest%/initdb}:$PATH
as=
# PostgreSQL refuses to run as root
[ "$(id -u)" != 0 ] || as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"

if [ ! -s "$data/PG_VERSION" ]; then
  part=$data.new
  rm -rf "$part"
  # the path of a socket in the stack's folder could be too long
  sockets=$($as mktemp -d /tmp/forewarn-postgres-XXXXXX)
  trap 'rm -rf "$sockets"' EXIT
  mkdir -m 700 "$part"
  (umask 077 && printf %s "$POSTGRES_PASSWORD" > "$sockets/password")
  [ -z "$as" ] || chown nobody "$part" "$sockets/password"
  # shellcheck disable=SC2086 - both are lists of words
  $as initdb -D "$part" --username="$POSTGRES_USER" --pwfile="$sockets/password" $POSTGRES_INITDB_ARGS
  $as pg_ctl -D "$part" -w -o "-p $PGPORT -c listen_addresses= -c unix_socket_directories=$sockets" start
  PGHOST=$sockets PGPASSWORD=$POSTGRES_PASSWORD sh "${0%/*}/create_databases.sh" && made=0 || made=$?
  $as pg_ctl -D "$part" -m fast stop
  [ "$made" = 0 ] || exit "$made"
  rm -rf "$sockets"
  [ ! -d "$data" ] || rmdir "$data"
  mv "$part" "$data"
fi
exec $as "$@" -D "$data" -c listen_addresses=127.0.0.1 -c unix_socket_directories=
