"""Rules on ELF files: what they need, where the loader looks, and how they are hardened."""

from __future__ import annotations

from wheelworks.audit.evidence import Evidence, Outcome
from wheelworks.audit.finding import Finding, Rule


def check_needed(evidence: Evidence) -> Outcome:
    """Every library that the loader is asked for is allowed, or is in the wheel itself."""
    inside = {elf.path.name for elf in evidence.elves}
    for elf in evidence.elves:
        wrong = sorted(set(elf.needed) - set(evidence.policy.needed) - inside)
        if wrong:
            yield Finding(
                elf.entry,
                Rule.NEEDED_LIBRARY,
                f"needs {' '.join(wrong)}",
                f"at most {' '.join(evidence.policy.needed)}",
                "do not link to the library: of CUDA, the static runtime; of torch, the stable ABI",
            )


def check_run_path(evidence: Evidence) -> Outcome:
    """No file tells the loader where to look: torch has loaded what is needed."""
    for elf in evidence.elves:
        if elf.run_path:
            yield Finding(
                elf.entry,
                Rule.RUN_PATH,
                f"RPATH or RUNPATH {':'.join(elf.run_path)}",
                "none",
                "set SKIP_BUILD_RPATH and SKIP_INSTALL_RPATH on the target",
            )


def check_hardening(evidence: Evidence) -> Outcome:
    """The stack is not executable, and the tables of addresses are read-only once loaded."""
    for elf in evidence.elves:
        if elf.executable_stack:
            fix = "link with -z noexecstack, and give assembler files a .note.GNU-stack section"
            yield Finding(elf.entry, Rule.EXECUTABLE_STACK, "an executable stack", "a stack without code", fix)
        if not elf.full_relro:
            found = "partial RELRO" if elf.read_only_after_relocation else "no RELRO"
            yield Finding(elf.entry, Rule.RELRO, found, "full RELRO", "link with -z relro -z now")
