# A lane's debian image with the layout that cibuildwheel expects of PyPA's: a Python below /opt/python, and uv.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
# cibuildwheel runs its own helpers with the Python below cp39-cp39, whichever one it builds for.
# No versions: see docker/debian.Dockerfile.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && tag="$(python3 -c 'import sys; print("cp%d%d" % sys.version_info[:2])')" \
 && python3 -m venv "/opt/python/$tag-$tag" \
 && ln -s "$tag-$tag" /opt/python/cp39-cp39
COPY uv /usr/local/bin/
