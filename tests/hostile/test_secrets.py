"""No secret gets into a registry, whichever way it is handed over."""

import base64
import gzip
import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from modelver import ErrorKind, InvalidInputError, ModelverError, Registry
from modelver._cli import main
from tests.hostile.fake_secrets import Fake, fakes

FAKES: Final = fakes()
SHAPED: Final = [fake for fake in FAKES if fake.shaped]
MODEL: Final = {"w.bin": b"\0\1\2"}


def _python(fake: Fake) -> bytes:
    key = fake.key.replace("-", "_")
    return f"import os\n\n{key} = {fake.value!r}\n".encode()


def _shell(fake: Fake) -> bytes:
    key = fake.key.replace("-", "_")
    return f"#!/bin/sh\nexport {key}='{fake.value}'\npython train.py\n".encode()


def _json(fake: Fake) -> bytes:
    return json.dumps({"a": [{fake.key: fake.value}]}, indent=1).encode()


def _ini(fake: Fake) -> bytes:
    return f"[main]\nname = x\n{fake.key} = {fake.value}\n".encode()


def _yaml(fake: Fake) -> bytes:
    return f"main:\n  {fake.key}: {json.dumps(fake.value)}\n".encode()


def _notebook(fake: Fake) -> bytes:
    key = fake.key.replace("-", "_")
    cell = {"cell_type": "code", "source": [f"{key} = {fake.value!r}\n"], "outputs": []}
    return json.dumps({"cells": [cell], "nbformat": 4}).encode()


def _readme(fake: Fake) -> bytes:
    return f"# Use it\n\nRun it with `{fake.key}={fake.value}`, then wait.\n".encode()


def _wide(fake: Fake) -> bytes:
    return _ini(fake).decode().encode("utf-16")


def _windows(fake: Fake) -> bytes:
    return b"\xef\xbb\xbf" + _ini(fake).replace(b"\n", b"\r\n")


def _csv(fake: Fake) -> bytes:
    value = fake.value.replace("\n", "\\n")
    rows = "\n".join(f"{n},{n / 7:.6f},text" for n in range(2000))
    return f"id,value,note\n{rows}\n7,0.1,{value}\n{rows}\n".encode()


Way = Callable[[Registry, Fake], object]

FILES: Final[dict[str, Way]] = {
    "code-python": lambda r, f: r.register("m", MODEL, code={"a.py": _python(f)}),
    "code-shell": lambda r, f: r.register("m", MODEL, code={"run.sh": _shell(f)}),
    "code-notebook": lambda r, f: r.register(
        "m", MODEL, code={"a.ipynb": _notebook(f)}
    ),
    "config-ini": lambda r, f: r.register("m", MODEL, config={"a.ini": _ini(f)}),
    "config-json": lambda r, f: r.register("m", MODEL, config={"a.json": _json(f)}),
    "config-yaml": lambda r, f: r.register("m", MODEL, config={"a.yaml": _yaml(f)}),
    "config-utf-16": lambda r, f: r.register("m", MODEL, config={"a.ini": _wide(f)}),
    "config-bom": lambda r, f: r.register("m", MODEL, config={"a.ini": _windows(f)}),
    "settings": lambda r, f: r.register("m", MODEL, config={"a": {f.key: f.value}}),
    "docs": lambda r, f: r.register("m", MODEL, docs={"README.md": _readme(f)}),
}
# Of a model and of data only what a secret's shape tells.
SHAPES: Final[dict[str, Way]] = {
    "model-json": lambda r, f: r.register("m", {"a.json": _json(f)}),
    "model-text": lambda r, f: r.register("m", {"vocab.txt": _csv(f)}),
    "data-csv": lambda r, f: r.register("m", MODEL, data={"a.csv": _csv(f)}),
    "data-json": lambda r, f: r.register("m", MODEL, data={"a.jsonl": _json(f)}),
}


def _draft_params(registry: Registry, fake: Fake) -> None:
    with registry.draft("m", MODEL) as draft:
        draft.log_params({"run": {fake.key: fake.value}})


def _draft_config(registry: Registry, fake: Fake) -> None:
    with registry.draft("m", MODEL) as draft:
        draft.log_config({fake.key: fake.value})


def _draft_tag(registry: Registry, fake: Fake) -> None:
    with registry.draft("m", MODEL) as draft:
        draft.tag(**{_tag_key(fake): fake.value.replace("\n", " ")})


def _draft_file(registry: Registry, fake: Fake) -> None:
    with registry.draft("m", MODEL) as draft:
        draft.add({"a.py": _python(fake)}, role="code")


def _transaction(registry: Registry, fake: Fake) -> None:
    with registry.transaction() as tx:
        tx.register("m", {"w.bin": b"\0new"})
        tx.note("m@0.1.0", _text(fake))


def _tag_key(fake: Fake) -> str:
    return fake.key.lower().strip("_")


def _text(fake: Fake) -> str:
    return f"ran with {fake.key}={fake.value} on Monday"


def _line(fake: Fake) -> str:
    return _text(fake).replace("\n", "\\n")


WORDS: Final[dict[str, Way]] = {
    "params": lambda r, f: r.register("m", MODEL, params={"a": {f.key: f.value}}),
    "params-list": lambda r, f: r.register("m", MODEL, params={f.key: [1, f.value]}),
    "tags": lambda r, f: r.register("m", MODEL, tags={_tag_key(f): _line(f)}),
    "description": lambda r, f: r.register("m", MODEL, description=_text(f)),
    "message": lambda r, f: r.register("m", {"w": b"\0y"}, message=_line(f)),
    "author": lambda r, f: r.register("m", {"w": b"\0y"}, author=_line(f)[:200]),
    "tag": lambda r, f: r.tag("m@0.1.0", **{_tag_key(f): _line(f)}),
    "note": lambda r, f: r.note("m@0.1.0", _text(f)),
    "promote": lambda r, f: r.promote("m@0.1.0", "production", reason=_line(f)),
    "status": lambda r, f: r.set_status("m@0.1.0", "approved", _line(f)),
    "withdraw": lambda r, f: r.withdraw("m@0.1.0", _line(f)),
    "dataset": lambda r, f: r.evaluate("m@0.1.0", {"auc": 0.5}, dataset=_line(f)),
    "draft-params": _draft_params,
    "draft-config": _draft_config,
    "draft-tag": _draft_tag,
    "draft-file": _draft_file,
    "transaction": _transaction,
}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry with one version, in which automatic code is off."""
    monkeypatch.setenv("MODELVER_CODE", "off")
    made = Registry(tmp_path / "r", create=True)
    made.register("m", {"w.bin": b"\0first"}, environment=False)
    return made


def _forms(core: str) -> Iterator[bytes]:
    """Yield how a secret could be spelled in a stored file."""
    data = core.encode()
    yield data
    yield data.hex().encode()
    yield json.dumps(core)[1:-1].encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data)
        yield coded[4 if shift else 0 : len(coded) - 4]


def _everything(root: Path) -> bytes:
    """Return every byte below *root*, unpacked too, and every name."""
    pieces = []
    for path in root.rglob("*"):
        pieces.append(str(path.relative_to(root)).encode())
        if path.is_file():
            data = path.read_bytes()
            pieces.append(data)
            if path.suffix == ".gz":
                with suppress(OSError), gzip.open(io.BytesIO(data)) as unpacked:
                    pieces.append(unpacked.read())
    return b"\n".join(pieces)


def _holds(said: bytes, fake: Fake) -> bool:
    return any(form in said for form in _forms(fake.core))


def _tell(error: BaseException) -> str:
    facts = getattr(error, "facts", {})
    told = "".join(traceback.format_exception(error))
    return f"{error} {error!r} {facts} {getattr(error, 'hints', ())} {told}"


def _refused(way: Way, registry: Registry, fake: Fake) -> ModelverError | None:
    try:
        way(registry, fake)
    except ModelverError as error:
        return error
    return None


def _check(
    registry: Registry, way: Way, some: list[Fake], log: pytest.LogCaptureFixture
) -> None:
    """Try *way* with each secret: each is refused, and none is told or stored."""
    passed = []
    with log.at_level(logging.DEBUG):
        for fake in some:
            error = _refused(way, registry, fake)
            if error is None:
                passed.append(fake.name)
                continue
            assert error.kind is ErrorKind.SECRET, (fake.name, error.kind)
            assert not _holds(_tell(error).encode(), fake), fake.name
            assert error.facts["places"]
    assert passed == []
    stored = _everything(Path(registry.url))
    logged = log.text.encode()
    assert [f.name for f in some if _holds(stored + logged, f)] == []


def test_there_are_enough_of_them() -> None:
    """At least sixty kinds, no two alike."""
    assert len({fake.core for fake in FAKES}) == len(FAKES) >= 60


@pytest.mark.parametrize("way", [*FILES, *WORDS])
def test_every_secret_is_refused(
    registry: Registry, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In files that people write, and in words, by its shape or by its name."""
    _check(registry, {**FILES, **WORDS}[way], FAKES, caplog)


@pytest.mark.parametrize("way", SHAPES)
def test_tokens_are_refused_in_models_and_data(
    registry: Registry, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Text of a model or of data is looked at for what cannot be anything else."""
    _check(registry, SHAPES[way], SHAPED, caplog)


def test_a_file_that_is_called_like_a_secret(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """The name of a file is stored too, and is not repeated in the error."""
    named = [f for f in SHAPED if not set(f.value) & set("/\n:~?")]
    assert len(named) > 30

    def way(registry: Registry, fake: Fake) -> None:
        registry.register("m", {f"{fake.value}.bin": b"\0"})

    _check(registry, way, named, caplog)


def test_command_lines_are_scrubbed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command is kept without its secrets: options, variables, tokens and URLs."""
    for number, fake in enumerate(FAKES):
        value = fake.value.replace("\n", "\\n")
        option = "--" + fake.key.strip("_").replace("_", "-").lower()
        words = ["python", "train.py", option, value, f"{option}={value}", "--lr", "1"]
        words += [f"{fake.key}={value}"]
        weights = {"w": b"\0" + str(number).encode()}
        made = registry.register("m", weights, command=words, environment=False)
        recipe = made.recipe
        assert recipe is not None
        assert [*recipe.command[:2], *recipe.command[5:7]] == [*words[:2], "--lr", "1"]
        monkeypatch.setattr("sys.argv", words[1:])
        weights = {"w": b"\1" + str(number).encode()}
        own: dict[str, Any] = {"command": True}
        registry.register("m", weights, environment=False, **own)
    stored = _everything(Path(registry.url))
    assert [f.name for f in FAKES if _holds(stored, f)] == []


def test_variables_of_the_environment_are_not_kept(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those that are on no list, nor a secret in one that is."""
    kept = ("XLA_FLAGS", "CUDA_VISIBLE_DEVICES", "GITHUB_REF", "CI_COMMIT_REF_NAME")
    for number, fake in enumerate(FAKES):
        value = fake.value.replace("\n", " ")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv(fake.key.upper().replace("-", "_"), value)
        if fake.shaped:
            for name in kept:
                monkeypatch.setenv(name, value)
        registry.register("m", {"w": b"\0" + str(number).encode()})
    stored = _everything(Path(registry.url))
    assert [f.name for f in FAKES if _holds(stored, f)] == []


FACTS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "container": lambda secret: {"container": f"registry.example/x:{secret}"},
    "link": lambda secret: {"links": {"run": f"https://example.com/x?t={secret}"}},
    "seed": lambda secret: {"seeds": {secret: 7}},
}


@pytest.mark.parametrize("way", FACTS)
def test_facts_of_a_run_are_refused_or_scrubbed(registry: Registry, way: str) -> None:
    """What is said of a run never reaches the log with a secret in it."""
    for number, fake in enumerate(SHAPED):
        weights = {"w": b"\0" + str(number).encode()}
        with suppress(ModelverError):
            registry.register("m", weights, environment=False, **FACTS[way](fake.value))
    stored = _everything(Path(registry.url))
    assert [f.name for f in SHAPED if _holds(stored, f)] == []


def test_the_command_line_refuses_too(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code, message and place, and not a byte of the secret on the screen."""
    weights = tmp_path / "w.bin"
    weights.write_bytes(b"\0cli")
    url = str(registry.url)
    for fake in FAKES:
        line = _line(fake)
        for words in (
            ["register", "m", str(weights), "--params", f"{fake.key}={line}"],
            ["tag", "m@0.1.0", f"{_tag_key(fake)}={line}"],
            ["note", "m@0.1.0", line],
            ["promote", "m@0.1.0", "production", "--reason", line],
        ):
            assert main(["--registry", url, *words]) not in (0, None), (
                fake.name,
                words,
            )
            said = capsys.readouterr()
            assert not _holds((said.out + said.err).encode(), fake), (fake.name, words)
            assert "secret" in said.err, (fake.name, words, said.err)
    stored = _everything(Path(registry.url))
    assert [f.name for f in FAKES if _holds(stored, f)] == []


def _github() -> Fake:
    return next(fake for fake in FAKES if fake.name == "github-personal")


def test_omit_leaves_files_out_and_says_so(registry: Registry, tmp_path: Path) -> None:
    """By name or by path; the record tells which, and the rest is there."""
    code = tmp_path / "src"
    (code / "keys").mkdir(parents=True)
    (code / "train.py").write_bytes(b"x = 1\n")
    (code / "keys" / "a.py").write_bytes(_python(_github()))
    (code / "b.py").write_bytes(_python(_github()))
    with pytest.raises(InvalidInputError) as caught:
        registry.register("m", MODEL, code=code, omit="keys")
    assert caught.value.facts["places"] == ["code/b.py:3:10"]
    made = registry.register("m", MODEL, code=code, omit=["keys/*", "code/b.py"])
    assert [f.path for f in made.files if f.role == "code"] == ["code/train.py"]
    omitted = [fact["path"] for fact in made.run["omitted"]]
    assert omitted == ["code/b.py", "code/keys/a.py"]
    assert not _holds(_everything(Path(registry.url)), _github())


def test_allow_lets_through_and_says_so(registry: Registry) -> None:
    """Only what it names; the pattern is in the record."""
    words: dict[str, Any] = {
        "code": {"tests/a.py": _python(_github())},
        "params": {"token": _github().value},
    }
    with pytest.raises(InvalidInputError) as caught:
        registry.register("m", MODEL, allow="tests/*", **words)
    assert caught.value.facts["places"] == ["params.token"]
    allow = ["tests/*", "params.token", "never.py"]
    made = registry.register("m", MODEL, allow=allow, **words)
    assert sorted(made.run["allowed"]) == ["params.token", "tests/*"]
    assert made.params["token"] == _github().value


def test_a_large_file_is_scanned_once(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passed and has not changed is not read again; what changed is."""
    import os  # noqa: PLC0415 - here alone

    from modelver._registry import screening  # noqa: PLC0415 - here alone

    read: list[str] = []
    real = screening._by_content

    def spy(item: Any) -> Any:
        read.append(item.path)
        return real(item)

    monkeypatch.setattr(screening, "_by_content", spy)
    data = tmp_path / "a.csv"
    rows = b"id,value\n" + b"7,0.125\n" * 200_000
    data.write_bytes(rows)
    os.utime(data, (1e9, 1e9))
    registry.register("m", MODEL, data={"a.csv": data})
    registry.register("m", {"w": b"\0other"}, data={"a.csv": data})
    told = read.count("data/a.csv")
    assert told in (1, 2)  # 2 where the file system cannot tell that it settled
    data.write_bytes(rows + _csv(_github()))
    with pytest.raises(InvalidInputError, match=r"data/a\.csv:"):
        registry.register("m", {"w": b"\0third"}, data={"a.csv": data})


def test_a_reader_of_lines_would_have_missed_it(registry: Registry) -> None:
    """Across the border of two pieces, and at the end of a line of megabytes."""
    token = _github().value.encode()
    for before in range(2**20 - 60, 2**20 + 60, 7):
        data = b"[" + b"0," * ((before - 1) // 2) + b'"' + token + b'"]'
        with pytest.raises(InvalidInputError, match=r"a\.json:1"):
            registry.register("m", {"a.json": data})
