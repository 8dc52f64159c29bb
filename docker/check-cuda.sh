#!/bin/sh
# Fails the image of a toolkit that is not the version that the matrix says, or cannot compile for one of a lane's SMs.
set -eu

version=$1
sms=$2
nvcc=/usr/local/cuda/bin/nvcc

if ! "$nvcc" --version | grep -F "release $version,"; then
  echo "error: the image has another toolkit than CUDA $version: $("$nvcc" --version | tail -n 2)" >&2
  exit 1
fi
for sm in $sms; do
  echo '__global__ void kernel() {}' |
    "$nvcc" -ccbin /opt/toolchain/bin/c++ -arch "compute_${sm%-ptx}" -code "sm_${sm%-ptx}" -cubin -x cu -o /dev/null -
done
