"""What the unit tests share: the project's own matrix, and a wheel without fault to be changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomllib

from device_code import ALL_SMS, CUOBJDUMP, FakeCuobjdump, every_operator
from rerun import pytest_terminal_summary as pytest_terminal_summary
from wheel_maker import OLDEST_PLATFORM, WheelMaker, build_record, compile_library
from wheelworks.bill import BILL, read_bill, write_bill
from wheelworks.matrix import Matrix, parse_matrix
from wheelworks.policy import Policy, plan_policy
from wheelworks.sbom import NAME as SBOM
from wheelworks.sbom import plan_sbom
from wheelworks.units import read_units

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def project() -> Path:
    return PROJECT


@pytest.fixture
def matrix_data() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "matrix.toml").read_text(encoding="utf-8"))


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return parse_matrix(matrix_data)


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("libraries")


@pytest.fixture(scope="session")
def good_library(libraries: Path) -> bytes:
    return compile_library(libraries / "good.so")


@pytest.fixture
def policy(matrix: Matrix) -> Policy:
    return plan_policy(matrix, read_units(PROJECT))


@pytest.fixture
def maker(matrix: Matrix, good_library: bytes) -> WheelMaker:
    """Return a wheel without fault, with the platform tags that a repair gives it."""
    files = {"warpwright/_C.abi3.so": good_library, "warpwright/_build.json": build_record(matrix)}
    return WheelMaker(files=files, tag=f"cp310-abi3-{OLDEST_PLATFORM}")


@pytest.fixture
def device_code(policy: Policy) -> FakeCuobjdump:
    """Return code of every operator for every SM of the default lane."""
    return FakeCuobjdump(every_operator(policy.operators, ALL_SMS))


@pytest.fixture
def billed(policy: Policy, tmp_path: Path) -> Callable[[WheelMaker, FakeCuobjdump], WheelMaker]:
    """Put the bill and the SBOM into a wheel to be, as the embed stage does; what a test has put there stays."""

    def fill(maker: WheelMaker, device_code: FakeCuobjdump) -> WheelMaker:
        binary = tmp_path / "binary"
        binary.write_bytes(maker.files[policy.binary])
        lane = policy.lanes[0]
        bill = read_bill(
            binary,
            policy.binary,
            lane=lane.name,
            version=maker.version,
            operators=policy.operators,
            cuobjdump=CUOBJDUMP,
            run=device_code,
        )
        maker.files.setdefault(BILL, write_bill(bill).encode())
        sbom = plan_sbom(maker.version, lane, policy.parts(lane), epoch=0).encode()
        maker.files.setdefault(f"warpwright-{maker.version}.dist-info/{SBOM}", sbom)
        return maker

    return fill
