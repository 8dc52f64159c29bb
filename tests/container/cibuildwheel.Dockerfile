# A lane's debian image with the layout that cibuildwheel expects of PyPA's: a Python below /opt/python, and uv.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
# No versions: see docker/debian.Dockerfile.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && tag="$(python3 -c 'import sys; print("cp%d%d" % sys.version_info[:2])')" \
 && python3 -m venv "/opt/python/$tag-$tag"
COPY uv /usr/local/bin/
