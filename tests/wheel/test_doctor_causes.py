"""From facts come causes and notes, each one sentence with what mends it, a verdict, a report and a JSON document."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from good_facts import GOOD, PATHS, RUNTIME, SITE, with_package, with_seen
from warpwright.doctor.causes import causes, notes, verdict
from warpwright.doctor.document import text
from warpwright.doctor.facts import Copy, Driver, End, Facts, Files, Gpu, Metadata, Runtime, Told
from warpwright.doctor.report import lines

OTHER = Metadata("/old/warpwright-0.0.1.dist-info", "0.0.1", False)
TOLD = Told("no-gpu", "torch sees no GPU: check it")


def report(facts: Facts) -> list[str]:
    return list(lines(facts, causes(facts), notes(facts)))


def test_a_machine_on_which_nothing_is_wrong_has_no_cause_no_note_and_a_good_verdict() -> None:
    assert (causes(GOOD), notes(GOOD)) == ((), ())
    assert verdict(()) == report(GOOD)[-1] == "CUDA operators can run here"


def test_the_report_has_versions_and_paths_of_everything() -> None:
    found = report(replace(GOOD, environment={"CUDA_VISIBLE_DEVICES": "0", "WARPWRIGHT_FORCE_SM": "80"}))
    for line in (
        "warpwright 0.1.0+cu130",
        f"  files       {SITE}/warpwright",
        f"  metadata    0.1.0+cu130, {SITE}/warpwright-0.1.0+cu130.dist-info",
        f"  extension   {SITE}/warpwright/_C.abi3.so",
        "    rmsnorm                 75 80 90a",
        "this machine",
        "  Python      3.12.1, /venv/bin/python",
        "  system      Linux 6.1 x86_64, glibc 2.36",
        f"  torch       2.11.0+cu130 (CUDA 13.0), {SITE}/torch/__init__.py",
        "  driver      serves CUDA up to 13.2, /usr/lib/libcuda.so.1",
        f"  runtime     CUDA 13, {SITE}/nvidia/cu13/lib/libcudart.so.13 (nvidia-cuda-runtime 13.0.96)",
        "  forced SM   80 (WARPWRIGHT_FORCE_SM)",
        "  variable    CUDA_VISIBLE_DEVICES=0",
        "  cuda:0      NVIDIA H100 80GB HBM3, SM 90",
        "    rmsnorm                 no path",
    ):
        assert line in found


def test_the_json_document_has_all_that_was_looked_at_in_ascii() -> None:
    facts = replace(with_seen(told=(TOLD,)), environment={"VIRTUAL_ENV": "/übung", "WARPWRIGHT_FORCE_SM": "90a"})
    written = text(facts, causes(facts), notes(facts))
    found = json.loads(written)
    assert written.isascii()
    assert (found["schema"], found["can_run"]) == (1, False)
    assert found["causes"] == [{"id": "no-gpu", "sentence": TOLD.sentence, "blocks": True}]
    assert found["warpwright"]["version"] == "0.1.0+cu130"
    assert found["warpwright"]["paths"] == {name: list(sms) for name, sms in PATHS.items()}
    assert found["warpwright"]["record"]["version"] == "0.1.0+cu130"
    assert found["torch"]["path"] == f"{SITE}/torch/__init__.py"
    assert found["driver"] == {"version": 13020, "path": "/usr/lib/libcuda.so.1", "answer": "CUDA_SUCCESS"}
    assert found["gpus"][0]["paths"] == {"rmsnorm": "90a", "fp8_scaled_mm": None}
    assert found["runtimes"][0]["owner"] == "nvidia-cuda-runtime 13.0.96"
    assert (found["forced_sm"], found["environment"]["VIRTUAL_ENV"]) == ("90a", "/übung")


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (with_seen(told=(TOLD,)), ["no-gpu"]),
        (with_seen(told=(TOLD, Told("forced-sm", "WARPWRIGHT_FORCE_SM is 'x'"))), ["no-gpu", "forced-sm"]),
        (replace(with_seen(told=(TOLD,)), environment={"WARPWRIGHT_FORCE_SM": "x"}), ["no-gpu", "forced-sm"]),
        (replace(with_package(told=(TOLD,)), seen=with_seen(told=(TOLD,)).seen), ["no-gpu"]),
        (with_seen(paths=None), ["not-seen"]),
        (with_seen(paths=None, end=End("exit", "ended with status 1", "")), ["not-seen", "exit-ends"]),
        (with_seen(paths=None, end=End("gpus", "ended with status 1", "")), ["gpus-ends"]),
        (with_seen(end=End("runtimes", "ended with status 1", "")), ["doctor-ends"]),
        (with_seen(end=End("start", "could not be started: no", "")), ["start-ends"]),
        (
            with_package(files=Files(9, ("warpwright/a.py",), ("warpwright/b.py",), ())),
            ["missing-files", "damaged-files"],
        ),
        (with_package(files=None), ["no-record"]),
        (with_package(metadata=()), ["no-metadata"]),
        (with_package(metadata=(), elsewhere=(replace(OTHER, editable=True),)), []),
        (with_package(metadata=(OTHER,)), ["two-wheels"]),
        (with_package(metadata=(replace(OTHER, version=None),)), ["two-wheels"]),
        (with_package(metadata=(OTHER, OTHER)), ["two-metadata"]),
    ],
    ids=[
        "told", "told twice", "forced", "told by both", "nothing seen", "nothing seen to the end", "at the GPUs",
        "at a step without words", "not started", "files", "no RECORD", "no metadata", "editable", "other version",
        "no version", "two metadata",
    ],
)  # fmt: skip
def test_a_cause_has_a_name_that_stays(facts: Facts, names: list[str]) -> None:
    assert [cause.id for cause in causes(facts)] == names
    assert all("\n" not in cause.sentence for cause in causes(facts))


def test_what_blocks_is_the_verdict_and_what_else_is_wrong_is_a_problem() -> None:
    facts = replace(with_package(metadata=()), seen=with_seen(told=(TOLD,)).seen)
    assert report(facts)[-1] == f"CUDA operators cannot run here: {TOLD.sentence}"
    assert report(facts)[-2].startswith("problem: no dist-info stands beside")
    assert verdict(causes(with_package(metadata=()))).startswith("CUDA operators can run here, but no dist-info")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            with_package(copies=(Copy("/a/warpwright", "0.1.0"), Copy("/b/warpwright", None))),
            "sys.path has 2 copies of warpwright, 0.1.0 (/a/warpwright) and an unknown version (/b/warpwright): the "
            "first is imported; remove the others, or their folders from sys.path",
        ),
        (
            with_seen(torch=replace(GOOD.seen.torch, cuda="12.8"), runtimes=()),  # type: ignore[type-var]
            "this wheel is labelled cu130 and this torch is built with CUDA 12.8: it runs where the driver serves "
            "both; a wheel of torch's own CUDA needs no newer driver than torch does",
        ),
        (
            with_seen(gpus=(Gpu(0, "NVIDIA Tesla V100", 70), *GOOD.seen.gpus)),
            "cuda:0, NVIDIA Tesla V100, is of SM 70, for which no operator has a path: leave it out with "
            "CUDA_VISIBLE_DEVICES",
        ),
        (
            replace(GOOD, shadowing=("/home/json.py",)),
            "/home/json.py is imported in place of Python's own: rename it, or start Python in another folder",
        ),
        (
            replace(GOOD, unseen=("RECORD: OSError: no",)), "the doctor could not look at RECORD: OSError: no"
        ),
    ],
    ids=["copies", "label", "GPU without a path", "shadowed module", "unseen"],
)  # fmt: skip
def test_what_is_odd_is_noted_and_blocks_nothing(facts: Facts, sentence: str) -> None:
    assert [note.sentence for note in notes(facts)] == [sentence]
    assert report(facts)[-2:] == [f"note: {sentence}", "CUDA operators can run here"]


def test_a_wheel_without_a_label_fits_every_torch() -> None:
    record = replace(GOOD.package.record, version="0.1.0")  # type: ignore[type-var]
    metadata = (replace(GOOD.package.metadata[0], version="0.1.0"),)
    assert notes(with_package(record=record, metadata=metadata)) == ()


OLD = Runtime("/opt/cuda/lib64/libcudart.so.12.4.99", 12, None)


@pytest.mark.parametrize(
    ("old", "environment", "origin", "mend"),
    [
        (replace(OLD, owner="nvidia-cuda-runtime-cu12 12.8.90"), {}, "of nvidia-cuda-runtime-cu12 12.8.90",
         "remove CUDA 12's with `pip uninstall nvidia-cuda-runtime-cu12`, or the package that needs it"),
        (OLD, {"LD_LIBRARY_PATH": "/lib:/opt/cuda/lib64/"}, "found through /opt/cuda/lib64/ in LD_LIBRARY_PATH",
         "take /opt/cuda/lib64/ out of LD_LIBRARY_PATH"),
        (OLD, {"LD_PRELOAD": OLD.path}, "named by LD_PRELOAD", f"take {OLD.path} out of LD_PRELOAD"),
        (OLD, {}, "of no installed package",
         f"find what loads {OLD.path} with `LD_DEBUG=libs`, such as a folder of /etc/ld.so.conf"),
        (Runtime("/opt/lib/libcudart.so.13", 13, None), {}, "of no installed package",
         "find what loads /opt/lib/libcudart.so.13 with `LD_DEBUG=libs`, such as a folder of /etc/ld.so.conf"),
    ],
    ids=["a package's", "LD_LIBRARY_PATH", "LD_PRELOAD", "nobody's", "the same CUDA twice"],
)  # fmt: skip
def test_a_second_runtime_is_named_by_its_path_and_its_real_owner(
    old: Runtime, environment: dict[str, str], origin: str, mend: str
) -> None:
    facts = replace(with_seen(runtimes=(old, RUNTIME)), environment=environment)
    assert [(note.id, note.sentence) for note in notes(facts)] == [
        (
            "two-runtimes",
            f"torch's process has loaded 2 CUDA runtimes, CUDA {old.major} from {old.path} ({origin}) and CUDA 13 from "
            f"{RUNTIME.path} (of nvidia-cuda-runtime 13.0.96): {mend}",
        )
    ]


def test_a_driver_that_does_not_start_is_shown_with_its_answer() -> None:
    driver = Driver(13020, "/usr/lib/libcuda.so.1", "CUDA_ERROR_NO_DEVICE")
    line = "  driver      serves CUDA up to 13.2, /usr/lib/libcuda.so.1, which does not start: CUDA_ERROR_NO_DEVICE"
    assert line in report(with_seen(driver=driver))


def test_nothing_seen_at_all_is_a_report_too() -> None:
    facts = with_seen(torch=None, library=None, version=None, paths=None, driver=None, gpus=(), runtimes=())
    found = report(replace(facts, package=replace(facts.package, record=None, metadata=(), files=None)))
    assert found[0] == "warpwright of an unknown version"
    assert {"  lane        unknown", "  extension   not loaded", "  driver      not looked at"} <= set(found)
