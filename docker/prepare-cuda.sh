#!/bin/sh
# Makes nvcc's output independent of the folder of the sources: see cudafe++ beside this file.
set -eu
cuda=$1
mkdir -p "$cuda/reproducible"
cp "$(dirname "$0")/cudafe++" "$cuda/reproducible/"
chmod 755 "$cuda/reproducible/cudafe++"
# It is nvcc that reads the variable; a later += comes first in the path.
# shellcheck disable=SC2016
echo 'PATH += $(_HERE_)/../reproducible:' >> "$cuda/bin/nvcc.profile"
