#!/usr/bin/env bash
# Builds a base image with Debian's Python, for machines that cannot reach an image registry: make_base_image.sh NAME
#
# Needs root, debootstrap and buildah; packages come from the mirror that this machine's apt uses.
#
#   tests/stack/make_base_image.sh localhost/forewarn-base
#   PYTHON_IMAGE=localhost/forewarn-base BUILDER=buildah BUILDAH_ISOLATION=chroot make image
set -euo pipefail
name=$1
folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT

# the Debian release and the Python version of the Dockerfile's base image
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Release: bookworm' | sed -n 1p)
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$folder/root" ${mirror:+"$mirror"}
ln -s python3 "$folder/root/usr/bin/python"
chroot "$folder/root" apt-get clean
rm -f "$folder"/root/var/lib/apt/lists/*_*

container=$(buildah from scratch)
buildah add --quiet "$container" "$folder/root" /
buildah commit --quiet --rm "$container" "$name"
