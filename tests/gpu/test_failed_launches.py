"""Launches that fail are errors of the call that made them, and of no other."""

from __future__ import annotations

import pytest

from process import in_a_process_of_its_own

IN_AN_INVALID_CAPTURE = """
    import os
    from contracts.cases import OPERATORS, call_of, path_of
    from contracts.results import run
    from tiles import PRODUCTS
    from warpwright import _extension, doctor
    sm, forced = doctor.device_sm(0), os.environ.get("WARPWRIGHT_FORCE_SM")
    def runs(name):
        return doctor.chosen_path(_extension.compiled_paths().get(name, ()), sm, forced) is not None
    calls = {}
    for name, each in OPERATORS.items():
        if runs(path_of(each)):
            given = call_of(each, "typical", "cuda")
            calls[name] = (None, lambda each=each, given=given: run(each, given))
    for product in PRODUCTS:
        if runs(product.name):
            for tile in product.tiles():
                given = product.make(64, 256, 512)
                calls[f"{product.name} {tile}"] = (tile, lambda p=product, given=given: p.run(given))
    x, weight = problem()
    expected, stream = warpwright.rmsnorm(x, weight), torch.cuda.Stream()
    runtime = ctypes.CDLL(mapped("libcudart.so")[0])
    handle, captured = ctypes.c_void_p(stream.cuda_stream), ctypes.c_void_p()
    found = {}
    for title, (tile, call) in calls.items():
        os.environ.pop("WARPWRIGHT_FORCE_TILE", None)
        if tile: os.environ["WARPWRIGHT_FORCE_TILE"] = tile
        with torch.cuda.stream(stream):
            call()  # what it allocates is in torch's cache from here on
        torch.cuda.synchronize()
        assert runtime.cudaStreamBeginCapture(handle, 2) == 0
        assert runtime.cudaStreamSynchronize(handle) != 0  # not allowed there: the capture is invalid now
        runtime.cudaGetLastError()
        try:
            with torch.cuda.stream(stream):
                call()
            found[title] = "no error"
        except RuntimeError as error:
            found[title] = str(error)
        blamed = None
        try:
            y = warpwright.rmsnorm(x, weight)
        except RuntimeError as error:
            blamed = str(error)
        runtime.cudaStreamEndCapture(handle, ctypes.byref(captured))
        runtime.cudaGetLastError()
        torch.cuda.synchronize()
        if blamed is not None or not torch.equal(y, expected):
            found[title] += f"; then rmsnorm: {blamed or 'wrong'}"
    print(json.dumps(found))
"""


@pytest.mark.operator("rmsnorm")
def test_a_launch_that_did_not_happen_is_an_error_of_its_operator_and_of_no_other() -> None:
    """In an invalid capture every launch fails: each operator says so, on every tile, and rmsnorm after it is right."""
    found = in_a_process_of_its_own(IN_AN_INVALID_CAPTURE)
    assert len(found) >= 5
    wrong = {title: words for title, words in found.items() if "apture" not in str(words) or "then" in str(words)}
    assert wrong == {}
