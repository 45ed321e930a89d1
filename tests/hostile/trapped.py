"""A repository that wants something done, and tells when it was."""

import os
from pathlib import Path
from typing import Final

from modelver._capture import CodeTree, capture_tree
from tests.unit.capture.repositories import Repo, bytes_of

# Each is a way in which a repository names a program; {evil} is that program.
PROGRAMS: Final = {
    "fsmonitor": "[core]\n fsmonitor = {evil}\n",
    "fsmonitor-2": "[core]\n fsmonitor = {evil}\n fsmonitorHookVersion = 2\n",
    "hooks": "[core]\n hooksPath = {hooks}\n",
    "pager": "[core]\n pager = {evil}\n[pager]\n diff = {evil}\n config = {evil}\n",
    "editor": "[core]\n editor = {evil}\n askPass = {evil}\n sshCommand = {evil}\n",
    "proxy": "[core]\n gitProxy = {evil}\n alternateRefsCommand = {evil}\n",
    "diff-external": "[diff]\n external = {evil}\n",
    "diff-driver": '[diff "evil"]\n command = {evil}\n',
    "textconv": '[diff "evil"]\n textconv = {evil}\n cachetextconv = true\n',
    "clean": '[filter "evil"]\n clean = {evil}\n required = true\n',
    "smudge": '[filter "evil"]\n smudge = {evil}\n required = true\n',
    "process": '[filter "evil"]\n process = {evil}\n required = true\n',
    "odd-filter": '[filter "e=v"]\n clean = {evil}\n',
    "dotted-filter": '[filter "e.v clean"]\n clean = {evil}\n process = {evil}\n',
    "merge-driver": '[merge "evil"]\n driver = {evil}\n',
    "credential": "[credential]\n helper = {evil}\n helper = !{evil}\n",
    "promisor": (
        '[remote "origin"]\n url = ext::{evil}\n promisor = true\n'
        " partialclonefilter = blob:none\n uploadpack = {evil}\n"
        "[extensions]\n partialClone = origin\n"
    ),
    "gpg": "[gpg]\n program = {evil}\n[commit]\n gpgSign = true\n[log]\n"
    " showSignature = true\n",
    "aliases": "[alias]\n status = !{evil}\n config = !{evil}\n rev-parse = !{evil}\n"
    " ls-files = !{evil}\n diff = !{evil}\n check-attr = !{evil}\n",
    "submodules": "[status]\n submoduleSummary = true\n[diff]\n submodule = log\n"
    " ignoreSubmodules = none\n[submodule]\n recurse = true\n"
    '[submodule "inner"]\n update = !{evil}\n ignore = none\n',
    "include": "[include]\n path = {included}\n",
    "trace": "[trace2]\n eventTarget = {ran}\n normalTarget = {ran}\n",
    "colour": "[color]\n ui = always\n diff = always\n[diff]\n noprefix = true\n"
    " mnemonicPrefix = true\n renames = copies\n relative = true\n",
    "submodule-filter": '[filter "inner"]\n clean = {evil}\n process = {evil}\n',
    "worktree-config": "[extensions]\n worktreeConfig = true\n",
}
HOOKS: Final = ("post-index-change", "fsmonitor-watchman", "reference-transaction")


class Hostile:
    """A repository with a submodule in it, and a program that tells that it ran."""

    def __init__(self, folder: Path) -> None:
        self.ran = folder / "ran"
        self.evil = folder / "evil.sh"
        self.evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {self.ran}\nexit 1\n')
        self.evil.chmod(0o755)
        self.hooks = folder / "hooks"
        self.hooks.mkdir()
        for hook in HOOKS:
            (self.hooks / hook).symlink_to(self.evil)
        lib = Repo.init(folder / "lib")
        attributes: dict[str, str | bytes] = {
            ".gitattributes": "* filter=evil diff=evil merge=evil\n"
            "*.odd filter=e=v\n*.dot filter=e.v\n*.in filter=inner\n",
            "a.odd": "a\n",
            "a.dot": "a\n",
            "a.in": "a\n",
        }
        lib.commit(attributes)
        self.repo = Repo.init(folder / "repo")
        self.repo.git("submodule", "add", "-q", str(lib.path), "inner")
        self.repo.commit(attributes)
        self.commit = self.repo.git("rev-parse", "HEAD")
        self.gits = [self.repo.path / ".git", self.repo.path / ".git/modules/inner"]

    def say(self, text: str) -> None:
        """Add to the configuration of the repository and of the submodule."""
        included = self.evil.parent / "included"
        names = {"evil": self.evil, "hooks": self.hooks, "ran": self.ran}
        included.write_text(PROGRAMS["fsmonitor"].format(**names))
        # A filter that only the submodule names is not switched off in the outer one.
        for git in self.gits[1:] if '"inner"]\n clean' in text else self.gits:
            with (git / "config").open("a") as file:
                file.write(text.format(**names, included=included))
            if "worktreeConfig" in text:
                (git / "config.worktree").write_text(included.read_text())
            for hook in HOOKS:
                (git / "hooks" / hook).unlink(missing_ok=True)
                (git / "hooks" / hook).symlink_to(self.evil)

    def touch(self) -> None:
        """Make git look at the content of every file, through filters."""
        for path in self.repo.path.rglob("*"):
            if path.is_file() and ".git" not in path.relative_to(self.repo.path).parts:
                os.utime(path, (1, 1))

    def captured(self) -> CodeTree:
        """Return what is captured; nothing ran, and nothing was written."""
        before = bytes_of(self.repo.path)
        found = capture_tree(self.repo.path)
        state = capture_tree(self.repo.path / "inner")
        assert not self.ran.exists(), self.ran.read_text()
        assert bytes_of(self.repo.path) == before
        assert found is not None
        assert state is not None
        return found
