#!/bin/sh
# Runs a command in an image mounted at ROOT, as docker/compose.yaml does: on a read-only root with /tmp in memory, without
# capabilities. `buildah run` cannot make the root read-only, and `podman run` does not start inside a container.
#
#   unshare --mount --pid --fork --kill-child run_in_image.sh ROOT VOLUME UID:GID FOLDER COMMAND...
#
# VOLUME is mounted as /srv/forewarn, and the command runs in FOLDER. The environment is passed on unchanged.
set -eu
root=$1 volume=$2 user=$3 folder=$4
shift 4

mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount --bind "$volume" "$root/srv/forewarn"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups \
  --inh-caps=-all --bounding-set=-all --no-new-privs env --chdir="$folder" "$@"
