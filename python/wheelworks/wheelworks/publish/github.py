"""To the assets of a GitHub release, by ``gh``: a draft that nobody sees, its digests verified, then made public."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wheelworks.errors import ConflictError, PublishError
from wheelworks.manifest import Manifest
from wheelworks.process import Completed, Runner
from wheelworks.publish.plan import Item, plan_publication

UPLOADED = "uploaded"
VIEW = ("--json", "isDraft,assets")


class Asset(BaseModel):
    """A file of a release; while its upload is not whole, GitHub keeps its name with another state."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    digest: str | None = None


class Seen(BaseModel):
    """A release as GitHub has it."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    draft: bool = Field(alias="isDraft")
    assets: tuple[Asset, ...]


@dataclass(frozen=True)
class Attachment:
    """What a GitHub release is to be."""

    tag: str
    title: str
    notes: str
    prerelease: bool
    items: tuple[Item, ...]


def plan_attachment(manifest: Manifest, items: Sequence[Item]) -> Attachment:
    """Say what the release of a manifest is."""
    version = manifest.version
    title = f"{manifest.project} {version}"
    return Attachment(f"v{version}", title, manifest.notes, version.is_prerelease, tuple(items))


def publish_github(
    wanted: Attachment, *, run: Runner, dry_run: bool, show: Callable[[str], None]
) -> tuple[tuple[str, ...], ...]:
    """Make the draft, fill it, hold GitHub's digests against the manifest's, and only then make it public."""
    commands = plan_commands(wanted, _view(wanted.tag, run))
    for command in commands:
        show(Completed(command, 0, "").command_line)
        if dry_run:
            continue
        if command == publish_command(wanted):
            _verify(wanted, _view(wanted.tag, run))
        done = run(command)
        if not done.ok:
            raise _failed(done)
    return commands


def plan_commands(wanted: Attachment, seen: Seen | None) -> tuple[tuple[str, ...], ...]:
    """Return the commands from what GitHub has to the public release; none where it is public already."""
    tag = wanted.tag
    whole = [asset for asset in seen.assets if asset.state == UPLOADED] if seen else []
    plan = plan_publication(wanted.items, {asset.name: _sha256(asset) for asset in whole})
    if seen is not None and not seen.draft:
        if plan.sent:
            names = ", ".join(item.path for item in plan.sent)
            fix = "a public release never changes: release a new version"
            raise ConflictError(f"the release {tag} is public", why=f"it lacks {names}", fix=fix)
        return ()
    broken = [asset.name for asset in seen.assets if asset.state != UPLOADED] if seen else []
    commands = [create_command(wanted)] if seen is None else []
    commands += [("gh", "release", "delete-asset", tag, name, "--yes") for name in broken]
    if plan.sent:
        commands.append(("gh", "release", "upload", tag, *(str(item.source) for item in plan.sent)))
    return (*commands, publish_command(wanted))


def create_command(wanted: Attachment) -> tuple[str, ...]:
    """Return the command that makes the draft; the tag must be there."""
    words = ("--draft", "--verify-tag", "--title", wanted.title, "--notes", wanted.notes)
    return ("gh", "release", "create", wanted.tag, *words, *(("--prerelease",) if wanted.prerelease else ()))


def publish_command(wanted: Attachment) -> tuple[str, ...]:
    """Return the command that makes the draft public."""
    return ("gh", "release", "edit", wanted.tag, "--draft=false")


def _view(tag: str, run: Runner) -> Seen | None:
    done = run(["gh", "release", "view", tag, *VIEW])
    if not done.ok and "release not found" in done.output:
        return None
    if not done.ok:
        raise _failed(done)
    try:
        return Seen.model_validate_json(done.output)
    except ValidationError as error:
        fix = "update gh: it must give each asset's digest"
        raise PublishError(f"cannot read what gh says of {tag}", why=str(error), fix=fix) from error


def _verify(wanted: Attachment, seen: Seen | None) -> None:
    found = {asset.name: _sha256(asset) for asset in seen.assets if asset.state == UPLOADED} if seen else {}
    if missing := [item.path for item in plan_publication(wanted.items, found).sent]:
        fix = "run it again; the draft stays unseen until it is whole"
        raise PublishError(f"the draft {wanted.tag} is not whole", why=f"it lacks {', '.join(missing)}", fix=fix)


def _sha256(asset: Asset) -> str:
    return (asset.digest or "unknown").removeprefix("sha256:")


def _failed(done: Completed) -> PublishError:
    why = f"it ended with {done.returncode}:\n{done.last_lines()}"
    fix = "check `gh auth status`; then run it again, what was sent is not sent twice"
    return PublishError(
        f"`{' '.join(map(str, done.command[:3]))} {Path(done.command[3]).name}` failed", why=why, fix=fix
    )
