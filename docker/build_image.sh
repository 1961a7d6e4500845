#!/usr/bin/env bash
# Builds the image forewarn:VERSION with the first of docker, podman and buildah that works here: `make image`.
#
#   BUILDER=buildah                    use only this builder
#   PYTHON_IMAGE=name                  another base image, if that of the Dockerfile cannot be pulled
#   SSL_CERT_FILE=/path/to/certs.pem   certificates to trust while building
set -euo pipefail
cd "$(dirname "$0")/.."

arguments=(--file docker/Dockerfile --tag "forewarn:$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)")
if [ -n "${PYTHON_IMAGE:-}" ]; then arguments+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"); fi
if [ -n "${SSL_CERT_FILE:-}" ]; then
  arguments+=(--secret "id=certificates,src=$SSL_CERT_FILE" --build-arg CERTIFICATES=/run/secrets/certificates)
fi
# makes podman and buildah support HEALTHCHECK and SHELL, which their default format lacks
export BUILDAH_FORMAT=docker

for builder in ${BUILDER:-docker podman buildah}; do
  if "$builder" info > /dev/null 2>&1; then
    echo "Building with $builder ..."
    exec "$builder" build "${arguments[@]}" .
  fi
done
echo "The image cannot be built: none of ${BUILDER:-docker, podman and buildah} works here." >&2
exit 1
