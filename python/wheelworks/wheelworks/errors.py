"""Every error of the pipeline: one class and one exit code per cause.

An error says what failed (the artefact and its value), why (expected and found) and what to do next.
"""

from __future__ import annotations


class WheelworksError(Exception):
    """Base of all errors that the command line reports without a traceback."""

    exit_code = 1

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  fix: {self.fix}"


class MatrixError(WheelworksError):
    """matrix.toml is not what the pipeline can work with."""

    exit_code = 10


class UnknownLaneError(WheelworksError):
    """A lane was asked for that the matrix does not have."""

    exit_code = 11


class ToolchainError(WheelworksError):
    """A toolchain could not be made or is not whole."""

    exit_code = 12


class HostCompilerError(WheelworksError):
    """The machine has no host compiler that the build can use."""

    exit_code = 13


class SourceError(WheelworksError):
    """Sources of another project are missing or not those that the matrix pins."""

    exit_code = 14


class BuildError(WheelworksError):
    """The compiler or the build backend failed."""

    exit_code = 15


class WheelError(WheelworksError):
    """A file cannot be read as a wheel."""

    exit_code = 16


class AuditError(WheelworksError):
    """An audit could not be made: a tool failed or a file cannot be read. A finding is no error."""

    exit_code = 17


class FindingsError(WheelworksError):
    """Audited wheels have findings."""

    exit_code = 18


class RepairError(WheelworksError):
    """A wheel could not be given its platform tags."""

    exit_code = 19


class WheelTestError(WheelworksError):
    """The tests of a wheel failed, or no test ran."""

    exit_code = 20


class FileError(WheelworksError):
    """A file or folder could not be written."""

    exit_code = 21


class ReadmeError(WheelworksError):
    """README.md has not the sections that are generated, or they are out of date."""

    exit_code = 24


class ProofError(WheelworksError):
    """A wheel's proof is missing, cannot be read, or is of another wheel."""

    exit_code = 22


class GpuTestError(WheelworksError):
    """The GPU suite failed on a wheel, or could not be run."""

    exit_code = 23


class CompatError(WheelworksError):
    """A wheel does not run on a tested Python and torch, or its table cannot be made or read."""

    exit_code = 25


class OperatorNameError(WheelworksError):
    """A new operator was given a name or a family that it cannot have."""

    exit_code = 26


class TakenError(WheelworksError):
    """A new operator was given a name that something has already."""

    exit_code = 27


class TemplateError(WheelworksError):
    """The templates of an operator, or the lists that its rows go into, are not what they should be."""

    exit_code = 28


class ExportError(WheelworksError):
    """A wheel does not tell what its operators are, or they are not those that the matrix promises."""

    exit_code = 29


class PagesError(WheelworksError):
    """The pages of the operators are not current, or what they are made from cannot be read."""

    exit_code = 39


class ManifestError(WheelworksError):
    """Wheels make no release, or a manifest cannot be read."""

    exit_code = 30


class IndexingError(WheelworksError):
    """An index would not be what its manifests say, or would change what it has served."""

    exit_code = 31


class VersionError(WheelworksError):
    """The version's places do not agree, or the changelog has no section for it."""

    exit_code = 32


class ClientTestError(WheelworksError):
    """A client did not get from the index what the manifests promise."""

    exit_code = 33


class ReleaseError(WheelworksError):
    """A step of a release failed."""

    exit_code = 34


class PublishError(WheelworksError):
    """A target could not be read, or did not take what was sent."""

    exit_code = 35


class ConflictError(WheelworksError):
    """A target has a file with another hash, or a release that the index to be published does not know."""

    exit_code = 36


class ChecksumsError(WheelworksError):
    """A checksums file cannot be read."""

    exit_code = 37


class VerifyError(WheelworksError):
    """An index is not what its checksums and manifests say, or could not be read."""

    exit_code = 38


class DaemonError(WheelworksError):
    """There is no docker daemon, or it refuses this user."""

    exit_code = 40


class ImageError(WheelworksError):
    """An image is not known, is not there, is not the pinned one, or could not be built."""

    exit_code = 41


class UnpinnedError(WheelworksError):
    """A release was asked for, and an image that it is built from has no digest."""

    exit_code = 42


class SettingError(WheelworksError):
    """A variable, an option or a folder's name is one that the pipeline cannot work with."""

    exit_code = 50


class ProvenanceError(WheelworksError):
    """A release was asked for, and no clean commit says what it would be built from."""

    exit_code = 51


class ContainerError(WheelworksError):
    """A container could not be started, or was stopped before its work was done."""

    exit_code = 43
