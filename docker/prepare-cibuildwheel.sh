#!/bin/sh
# What cibuildwheel runs first in its container, in the project's copy there: the pipeline, and with it the lane's
# toolchain, the sources, and the links through which the compiler sees both.
set -eu
unset UV_BUILD_CONSTRAINT  # the file of the backend's pin is written below
uv venv --quiet --python /opt/toolchain/bin/python3 /opt/wheelworks
uv pip install --quiet --python /opt/wheelworks/bin/python ./python/wheelworks
/opt/wheelworks/bin/wheelworks prepare "$1"
