"""Run the GPU suite on finished wheels where nothing can be installed but the wheels: the standard library alone.

    PYTHONPATH=python/wheelworks python3 -m gpu_runner dist/warpwright-0.1.0+cu130-*.whl

needs pip, pytest and torch in the environment, and no network. A wheel is tested on the device's own path and, side by
side with it, on each older path by its JIT lanes' wheels; then the tests marked ``sanitized`` run under memcheck,
racecheck and synccheck on every path. The suite runs in processes of their own: one that crashes or hangs costs the
test that it was at, and the next process goes on behind it. The report is ``proofs/<wheel>/gpu.json`` beside the wheel;
journals and logs are in ``gpu-journals`` beside the report.
"""
