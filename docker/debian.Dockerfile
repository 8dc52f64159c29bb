# The build container on a Debian base. The target `compiler` serves the toolkits that the index has, which are mounted
# with the cache; `toolkit` adds the one that Debian has: CUDA 12.4 in trixie. matrix.toml fills the arguments.
#
# What the pipeline expects of every build container: c++, python3 and, where it can be had, ccache in
# /opt/toolchain/bin; and a CUDA toolkit, where there is one, in /usr/local/cuda.
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS compiler
ARG COMPILER
# No versions: the digest of the base decides on the release of Debian, and its mirrors keep one version of a package.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${COMPILER}" ccache python3 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /opt/toolchain/bin \
 && ln -s "/usr/bin/${COMPILER}" /opt/toolchain/bin/c++ \
 && ln -s /usr/bin/ccache /usr/bin/python3 /opt/toolchain/bin/

FROM compiler AS toolkit
ARG CUDA_VERSION
ARG SM_SET
COPY debian-cuda.sh prepare-cuda.sh cudafe++ /opt/toolchain/
RUN sh /opt/toolchain/debian-cuda.sh
COPY check-cuda.sh /opt/toolchain/
RUN sh /opt/toolchain/check-cuda.sh "${CUDA_VERSION}" "${SM_SET}"
