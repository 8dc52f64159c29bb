"""The pipeline that turns the sources of warpwright into audited, tested wheels.

One module per stage, named after it and owning the type that it produces; a stage imports from stages to its left::

    matrix -> lanes -> toolchain, sources -> build -> audit -> repair -> gpu_tests

``process`` alone runs processes, ``files`` alone writes files; ``cli`` is the only caller of all of them.
"""
