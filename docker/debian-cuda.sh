#!/bin/sh
# Puts Debian's CUDA toolkit into /usr/local/cuda, in the layout that nvcc and CMake know from NVIDIA's own.
#
# The packages are unpacked and not installed: their dependencies are every CUDA library that there is, 5 GB that no
# kernel here is linked with. apt checks their signatures and digests all the same.
set -eu

scratch=$(mktemp --directory)
cuda=/usr/local/cuda
trap 'rm -rf "$scratch" /var/lib/apt/lists/*' EXIT

# The toolkit is in the component non-free; the one-line form of the list and the newer one.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
  if [ -e "$list" ]; then
    sed -i -E 's/^((deb |Components:).*) ?main$/\1 main non-free/' "$list"
  fi
done
apt-get update

cd "$scratch"
chmod 755 "$scratch"
apt-get download nvidia-cuda-toolkit nvidia-cuda-dev libcudart12 libcu++-dev libcub-dev libthrust-dev
for package in ./*.deb; do
  dpkg --extract "$package" root
  rm "$package"
done

mkdir -p "$cuda/bin" "$cuda/nvvm/bin" "$cuda/lib64"
mv root/usr/include "$cuda/include"
mv root/usr/lib/*-linux-gnu/libcudart* root/usr/lib/*-linux-gnu/libcudadevrt.a "$cuda/lib64"
for program in bin2c cudafe++ cuobjdump fatbinary nvlink ptxas; do
  mv "root/usr/bin/$program" "$cuda/bin"
done
mv root/usr/lib/nvidia-cuda-toolkit/bin/nvcc root/usr/lib/nvidia-cuda-toolkit/bin/crt "$cuda/bin"
mv root/usr/lib/nvidia-cuda-toolkit/bin/cicc "$cuda/nvvm/bin"
mv root/usr/lib/nvidia-cuda-toolkit/libdevice "$cuda/nvvm"

# glibc 2.41 declares these four as well, and declares them noexcept; CUDA's headers do so from 12.9 on.
sed -i -E 's/^(extern .* (sinpi|cospi)f?\((double|float) x\));$/\1 noexcept(true);/' "$cuda/include/crt/math_functions.h"

cat > "$cuda/bin/nvcc.profile" <<'PROFILE'
TOP                 = $(_HERE_)/..
CICC_PATH           = $(TOP)/nvvm/bin
NVVMIR_LIBRARY_DIR  = $(TOP)/nvvm/libdevice
PATH               += $(CICC_PATH):$(_HERE_):
INCLUDES           += "-I$(TOP)/include" $(_SPACE_)
LIBRARIES          =+ $(_SPACE_) "-L$(TOP)/lib64"
PROFILE
sh "$(dirname "$0")/prepare-cuda.sh" "$cuda"
