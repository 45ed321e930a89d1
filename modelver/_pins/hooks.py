"""Hooks and filter in a repository: put in, taken out, and told about.

What is put into a hook is a few lines that are the same everywhere, since hooks may be
tracked and shared. Which interpreter runs is said in one script in the repository's
own folder, and without that script the lines do nothing.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver._bundle.cache.places import write_whole
from modelver._bundle.disk import translate
from modelver._pins.git import FILTER, Git
from modelver._pins.pointer import MAX_POINTER
from modelver._values import about
from modelver.errors import AlreadyExistsError, ErrorKind, InvalidInputError

HOOKS: Final = ("post-checkout", "post-merge", "post-rewrite")
_BEGIN: Final = "# modelver begin: restores the models that a commit pins"
_END: Final = "# modelver end"
_SHEBANG: Final = "#!/bin/sh"
_MAX_HOOK: Final = 2**20
_SHELL = re.compile(r"#!\s*/\S*?(?:/|/env\s+)(?:sh|bash|dash|ash|ksh|zsh)(?:\s|$)")
_BLOCK = re.compile(
    rf"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n?", re.DOTALL | re.MULTILINE
)

_RUN: Final = '"$(git rev-parse --git-common-dir)/modelver/run"'
_LINES: Final = """\
{begin}
modelver_run={run}
if test -f "$modelver_run"; then
  sh "$modelver_run" hook {name} "$@" </dev/null || :
fi
{end}
"""
_SMUDGE: Final = f'r={_RUN}; if test -f "$r"; then sh "$r" smudge %f; else exec cat; fi'
_CLEAN: Final = (
    f'r={_RUN}; if test -f "$r"; then exec sh "$r" clean %f; '
    "else echo 'run: modelver git install' >&2; exit 1; fi"
)

_SCRIPT: Final = """\
#!/bin/sh
# Written by `modelver git install`, removed by `modelver git uninstall`.
# Runs the modelver that has written it, else that of PATH. Without either, Git goes on:
# hooks do nothing, and files stay pointers.
python={python}
package={package}
if test -x "$python" && test -f "$package"; then
  modelver_of_ours() {{ "$python" -P -m modelver git "$@"; }}
elif command -v modelver >/dev/null 2>&1; then
  modelver_of_ours() {{ modelver git "$@"; }}
else
  modelver_of_ours() {{ return 1; }}
fi
what=$1
shift
case $what in
hook)
  modelver_of_ours hook "$@" || :
  ;;
smudge)
  modelver_of_ours smudge -- "$1"
  code=$?
  # It fails with 1 only before it has read anything.
  test $code = 1 || exit $code
  echo "modelver cannot be run: $1 is left as a pointer" >&2
  exec cat
  ;;
clean)
  modelver_of_ours clean -- "$1"
  code=$?
  test $code = 1 || exit $code
  # What was pinned and nobody has touched is known by Git's own name for it, and
  # pointers may pass. No other bytes get into the repository by mistake.
  file=$0.$$
  trap 'rm -f "$file"' EXIT
  cat >"$file"
  known=$(dirname "$0")/known/git-$(git hash-object --no-filters -- "$file")
  if test -f "$known"; then
    cat "$known"
  elif test "$(wc -c <"$file")" -le {limit} &&
    grep -q '"digest"' "$file" && grep -q '"registry"' "$file"; then
    cat "$file"
  else
    echo "modelver cannot be run, and $1 may not go into Git as it is." >&2
    echo "Install it again: modelver git install. Or do without:" >&2
    echo "git config --remove-section filter.{filter}" >&2
    exit 1
  fi
  ;;
esac
"""


@frozen
class Installed:
    """What is installed in a repository.

    Attributes:
        top: The upper folder of the work tree.
        hooks: Where Git looks for hooks.
        present: The hooks that run modelver.
        filter: Whether files can be held as pointers.
        interpreter: The Python that runs it; None where nothing is installed.
        works: Whether that one is still there.
    """

    top: Path
    hooks: Path
    present: tuple[str, ...]
    filter: bool
    interpreter: str | None
    works: bool


def status(git: Git) -> Installed:
    """Return what is installed."""
    hooks = git.hooks()
    present = tuple(name for name in HOOKS if _BLOCK.search(_text(hooks / name) or ""))
    script = _text(_runner(git)) or ""
    python, package = (_assigned(script, name) for name in ("python", "package"))
    return Installed(
        top=git.top,
        hooks=hooks,
        present=present,
        filter=git.has_filter(),
        interpreter=python,
        works=bool(
            python
            and package
            and os.access(python, os.X_OK)
            and Path(package).is_file()
        ),
    )


def install(git: Git) -> Installed:
    """Put hooks and filter in; what is there already stays, and is only renewed.

    Raises:
        AlreadyExistsError: A hook is there that no lines can be added to; nothing was
            changed.
        StorageError: A folder cannot be written to.
    """
    hooks = git.hooks()
    texts = {name: _with_block(hooks / name, name) for name in HOOKS}
    package = Path(about.__file__).parents[1] / "__main__.py"
    script = _SCRIPT.format(
        python=_quoted(sys.executable),
        package=_quoted(os.fspath(package)),
        limit=MAX_POINTER,
        filter=FILTER,
    )
    try:
        hooks.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():  # without the script they do nothing
            _write(hooks / name, text)
        _runner(git).parent.mkdir(parents=True, exist_ok=True)
        _write(_runner(git), script)
    except OSError as error:
        raise translate(error, hooks) from error
    for key, value in (("clean", _CLEAN), ("smudge", _SMUDGE), ("required", "true")):
        git.tell("config", "--local", f"filter.{FILTER}.{key}", value)
    return status(git)


def uninstall(git: Git) -> Installed:
    """Take hooks and filter out; other people's hooks stay.

    Raises:
        StorageError: A folder cannot be written to.
    """
    hooks = git.hooks()
    try:
        for name in HOOKS:
            text = _text(hooks / name)
            if text is None or not _BLOCK.search(text):
                continue
            rest = _BLOCK.sub("", text)
            if rest.strip() in {"", _SHEBANG}:
                (hooks / name).unlink()
            else:
                _write(hooks / name, rest)
        _runner(git).unlink(missing_ok=True)
    except OSError as error:
        raise translate(error, hooks) from error
    if (
        git.ask("config", "--local", "--get-regexp", rf"^filter\.{FILTER}\.")
        is not None
    ):
        git.tell("config", "--local", "--remove-section", f"filter.{FILTER}")
    return status(git)


def _with_block(path: Path, name: str) -> str:
    """Return the text of a hook with our lines in it, right below its first line."""
    block = _LINES.format(begin=_BEGIN, end=_END, run=_RUN, name=name)
    if not os.path.lexists(path):
        return f"{_SHEBANG}\n{block}"
    text = _text(path)
    why = None
    if path.is_symlink():
        why = "is a link"
    elif text is None or not _SHELL.match(text):
        why = "is no shell script"
    elif os.name != "nt" and not os.access(path, os.X_OK):
        why = "cannot be run, so Git passes over it"
    if why is not None or text is None:
        raise AlreadyExistsError(
            f"the hook {os.fspath(path)!r} {why}; nothing was changed",
            kind=ErrorKind.TARGET_EXISTS,
            hint="Have it run: sh "
            f'{_RUN} hook {name} "$@"   Or move it away, and install again.',
        )
    text = _BLOCK.sub("", text)
    first, _, rest = text.partition("\n")
    return f"{first}\n{block}{rest}"


def _runner(git: Git) -> Path:
    return git.common / "modelver" / "run"


def _text(path: Path) -> str | None:
    """Return the text of a file of moderate size; None for anything else."""
    with suppress(OSError, ValueError):
        if path.is_file() and path.stat().st_size <= _MAX_HOOK:
            return path.read_bytes().decode("utf-8", "surrogateescape")
    return None


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode("utf-8", "surrogateescape"))
    path.chmod(0o755)


def _quoted(text: str) -> str:
    if "\n" in text or "\0" in text:
        raise InvalidInputError(
            f"{text!r} cannot be written into a script", kind=ErrorKind.BAD_PATH
        )
    return "'" + text.replace("'", "'\\''") + "'"


def _assigned(script: str, name: str) -> str | None:
    match = re.search(rf"^{name}='(.*)'$", script, re.MULTILINE)
    return None if match is None else match[1].replace("'\\''", "'")
