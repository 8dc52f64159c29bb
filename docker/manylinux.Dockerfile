# The build container on PyPA's manylinux base. The target `compiler` serves the toolkits that the index has, which are
# mounted with the cache; `toolkit` takes one from NVIDIA's image of it. matrix.toml fills the arguments, and what the
# pipeline expects of every build container stands in debian.Dockerfile. The base has no ccache of 4.7 or newer.
ARG BASE_IMAGE
ARG CUDA_IMAGE=scratch
FROM ${BASE_IMAGE} AS compiler
ARG COMPILER
# No versions: the digest of the base decides on the release, and its mirrors keep the newest version of a package.
# hadolint ignore=DL3041
RUN dnf install --assumeyes "${COMPILER}-gcc-c++" \
 && dnf clean all \
 && mkdir -p /opt/toolchain/bin \
 && ln -s "/opt/rh/${COMPILER}/root/usr/bin/g++" /opt/toolchain/bin/c++ \
 && ln -s /opt/python/cp312-cp312/bin/python /opt/toolchain/bin/python3

FROM ${CUDA_IMAGE} AS cuda

FROM compiler AS toolkit
ARG CUDA_VERSION
ARG SM_SET
COPY --from=cuda /usr/local/cuda-${CUDA_VERSION}/bin/ /usr/local/cuda/bin/
COPY --from=cuda /usr/local/cuda-${CUDA_VERSION}/nvvm/ /usr/local/cuda/nvvm/
COPY --from=cuda /usr/local/cuda-${CUDA_VERSION}/targets/*/include/ /usr/local/cuda/include/
COPY --from=cuda /usr/local/cuda-${CUDA_VERSION}/targets/*/lib/libcudart* /usr/local/cuda/lib64/
COPY prepare-cuda.sh cudafe++ check-cuda.sh /opt/toolchain/
RUN sh /opt/toolchain/prepare-cuda.sh /usr/local/cuda \
 && sh /opt/toolchain/check-cuda.sh "${CUDA_VERSION}" "${SM_SET}"
