"""The templates for CI do what their page says, played against a real clone.

They are run in the shell that each system uses, with its variables, against a registry
in a folder. What only the system itself can do is not: to check out, to pass artifacts.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from modelver import Registry
from tests.ci.project import COPIED, TEMPLATES, Project
from tests.ci.providers import CANARY, PROVIDERS, Actions, Provider
from tests.ci.quick import quick_modelver

SYSTEMS: Final = {
    "github": "github-actions",
    "gitlab": "gitlab-ci",
    "jenkins": "jenkins",
}


@pytest.fixture(scope="module")
def modelver() -> Iterator[str]:
    """Return the text of a program that is ``modelver``."""
    with quick_modelver() as text:
        yield text


@pytest.fixture
def project(tmp_path: Path, modelver: str) -> Project:
    """Return a project that is checked out, and a registry that is empty."""
    found = Project(tmp_path, modelver)
    Registry(found.registry, create=True)
    return found


def failures(project: Project, name: str) -> list[str]:
    """Return what has failed in a JUnit file."""
    root = ET.parse(project.folder / "modelver-ci" / name).getroot()  # noqa: S314 - ours
    return [case.attrib["name"] for case in root.iter("testcase") if len(case)]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_pipeline(name: str, project: Project) -> None:
    """Train, register, check, gate, promote; again; worse; not committed."""
    pipeline = PROVIDERS[name]
    registry = Registry(project.registry)
    _first(pipeline, project, registry, SYSTEMS[name])
    _again(pipeline, project, registry)
    _worse(pipeline, project, registry)
    _dirty(pipeline, project, registry)


def _report(project: Project) -> str:
    return (project.folder / "modelver-ci" / "report.md").read_text()


def _first(
    pipeline: Provider, project: Project, registry: Registry, system: str
) -> None:
    done = pipeline(project)
    assert done.code == 0, done.said
    version = registry.get("fraud@production")
    assert done.outputs == {
        "ref": "fraud@0.1.0",
        "version": "0.1.0",
        "digest": version.digest,
    }
    assert version.ref == "fraud@0.1.0"
    assert version.metrics == {"auc": 0.94}
    assert version.slices == {"country=DE": {"auc": 0.91}}
    assert version.run["ci"] == system
    assert version.run["ci_url"] == done.url
    assert version.audit().grade == "B"
    recipe = version._state.record.recipe
    assert recipe is not None
    assert recipe.command == ("python", "src/train.py", "--out", "build")
    assert version.code is not None
    kept = [path for path in project.registry.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in path.read_bytes() for path in kept)
    (move,) = registry.alias_history("fraud", "production")
    assert move.reason == done.url
    report = _report(project)
    assert report.startswith("`fraud@0.1.0` would be the first production.\n")
    assert "\n    B\tgrade\tfraud@0.1.0" in report
    assert "\n    no\tcontainer\tno image is recorded" in report
    assert "\n    ok\tauc >= base.auc - 0.002\tthere is no base yet\n" in report
    metrics = (project.folder / "modelver-ci" / "metrics.txt").read_text()
    assert metrics.splitlines() == [
        "model_auc 0.94",
        'model_auc{slice="country=DE"} 0.91',
        "# EOF",
    ]
    assert failures(project, "gate.xml") == []
    assert failures(project, "verify.xml") == []


def _again(pipeline: Provider, project: Project, registry: Registry) -> None:
    """A job that is run again changes nothing."""
    before = registry.seq, registry.get("fraud@production").digest
    done = pipeline(project)
    assert done.code == 0, done.said
    assert done.outputs["ref"] == "fraud@0.1.0"
    assert (registry.seq, registry.get("fraud@production").digest) == before
    assert "is production already" in _report(project)


def _worse(pipeline: Provider, project: Project, registry: Registry) -> None:
    """It is registered and told of, and nobody gets it."""
    project.train_for(0.9)
    done = pipeline(project)
    assert done.code == 1, done.said
    assert done.failed in {"Gate", "Register", "modelver-register"}
    assert registry.resolve("fraud@production") == "fraud@0.1.0"
    assert registry.get("fraud@newest").metrics == {"auc": 0.9}
    assert failures(project, "gate.xml") == ["auc >= base.auc - 0.002"]
    report = _report(project)
    assert "| auc | 0.94 | 0.9 |" in report
    row = "    failed\tauc >= base.auc - 0.002\t0.9 is not >= 0.94 - 0.002"
    assert row in report


def _dirty(pipeline: Provider, project: Project, registry: Registry) -> None:
    """What is in no commit is not registered."""
    seq = registry.seq
    project.write("config.json", json.dumps({"quality": 0.99}))
    done = pipeline(project)
    assert done.code == 2, done.said
    assert done.failed in {"Register", "modelver-register"}
    assert "changes that are not committed" in done.said
    assert registry.seq == seq
    assert not (project.folder / "modelver-ci" / "report.md").exists()


def test_inputs_are_only_words(project: Project) -> None:
    """Whatever stands in an input of the action, no shell reads it as a command."""
    evil = "$(touch pwned)`touch pwned`;touch pwned\n'\"; touch pwned #"
    action = Actions(project.folder.parent)
    given = dict.fromkeys(action.action["inputs"], evil) | {"promote": "true"}
    given["script"] = "ci/modelver.sh"
    steps = list(action.composite(given))
    assert len(steps) == 5
    for step in steps:
        variables = {**step.variables, "MODEL_REF": evil}
        done = project.run([*step.shell, step.script], variables)
        assert done.returncode != 0
    assert [path.name for path in project.folder.rglob("pwned")] == []


def test_a_low_grade_stops(project: Project) -> None:
    """Below the grade that is asked for, nothing is compared or promoted."""
    script = ["sh", "ci/modelver.sh"]
    project.run(["python", "src/train.py", "--out", "build"], {})
    done = project.run([*script, "register", "fraud", "build/model"], {})
    assert (done.returncode, done.stdout) == (0, "fraud@0.1.0\n"), done.stderr
    done = project.run([*script, "check"], {"MODEL_MIN_GRADE": "A"})
    assert done.returncode == 1
    assert "data" in failures(project, "audit.xml")
    assert project.run([*script, "check"], {"MODEL_MIN_GRADE": "D"}).returncode == 0


def test_steps_that_are_called_wrongly(project: Project) -> None:
    """The script says what is missing, and does nothing."""
    for words, said in (
        ([], "which step?"),
        (["deploy"], "there is no step deploy"),
        (["check"], "nothing is registered yet"),
        (["gate"], "gate needs an alias"),
    ):
        done = project.run(["sh", "ci/modelver.sh", *words], {})
        assert done.returncode == 2, words
        assert said in done.stderr


def test_a_store_that_is_down_is_no_missing_alias(project: Project) -> None:
    """Only where the alias is not set there is no base yet; any other error stops."""
    project.run(["python", "src/train.py", "--out", "build"], {})
    script = ["sh", "ci/modelver.sh"]
    done = project.run([*script, "register", "fraud", "build/model"], {})
    assert done.returncode == 0, done.stderr
    gone = {"MODELVER_REGISTRY": str(project.folder / "nowhere" / "at all")}
    for words in (["report", "production"], ["gate", "production", "auc > base.auc"]):
        done = project.run([*script, *words], gone)
        assert done.returncode == 3
        assert "no registry" in done.stderr


def test_the_page_has_every_template() -> None:
    """Each file can be taken from the page, which says where it goes."""
    page = (TEMPLATES.parent / "register-in-ci.md").read_text(encoding="utf-8")
    files = [path for path in TEMPLATES.rglob("*") if path.is_file()]
    assert {path.relative_to(TEMPLATES).as_posix() for path in files} == set(COPIED)
    for template, place in COPIED.items():
        row = f"| {{download}}`{Path(template).name} <ci/{template}>` | `{place}` |"
        assert row in page


def test_shells_read_the_script(tmp_path: Path) -> None:
    """It is plain sh: the shells that are here take it without a word."""
    for shell in ("sh", "bash", "dash"):
        try:
            done = subprocess.run(
                [shell, "-n", str(TEMPLATES / "modelver.sh")],
                cwd=tmp_path,
                capture_output=True,
                check=False,
                text=True,
            )
        except FileNotFoundError:
            continue
        assert (done.returncode, done.stderr) == (0, ""), shell


# Comments.


class Forge(BaseHTTPRequestHandler):
    """A server that keeps comments, as GitHub's and GitLab's do."""

    comments: list[dict[str, Any]]
    asked: list[tuple[str, str, str | None]]

    def _answer(self, found: Any) -> None:
        token = self.headers["Authorization"] or self.headers["PRIVATE-TOKEN"]
        self.asked.append((self.command, self.path, token))
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> str:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return str(said["body"])

    def do_GET(self) -> None:
        """List a page of them."""
        page = int(self.path.rpartition("page=")[2])
        self._answer(self.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        """Add one."""
        self.comments.append({"id": len(self.comments), "body": self._body()})
        self._answer({})

    def do_PATCH(self) -> None:
        """Change one."""
        self.comments[int(self.path.rpartition("/")[2])]["body"] = self._body()
        self._answer({})

    do_PUT = do_PATCH  # noqa: N815 - the name is http.server's

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def forge() -> Iterator[str]:
    """Run the server; return its address."""
    Forge.comments = [{"id": n, "body": "from a person"} for n in range(120)]
    Forge.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_there_is_one_comment(system: str, forge: str, project: Project) -> None:
    """The first run adds a comment, the next ones replace it."""
    variables = {
        "github": {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": forge,
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_REF": "refs/pull/5/merge",
            "GITHUB_TOKEN": "token",
        },
        "gitlab": {
            "CI_API_V4_URL": f"{forge}/api/v4",
            "CI_PROJECT_ID": "3",
            "CI_MERGE_REQUEST_IID": "5",
            "MODEL_NOTE_TOKEN": "token",
        },
    }[system]
    project.write("modelver-ci/ref.env", "MODEL_REF=fraud@0.1.0\n")
    words = ["python", "ci/comment.py", "modelver-ci/report.md"]
    assert project.run(words, variables).stdout == "comment.py: nothing to comment on\n"
    assert Forge.asked == []
    for report in ("### first\n", "### second\n", "x" * 100_000):
        project.write("modelver-ci/report.md", report)
        done = project.run(words, variables)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert len(Forge.comments) == 121
        said = f"<!-- modelver fraud -->\n{report}"
        assert Forge.comments[-1]["body"] == said[: 60_000 + 24]
    assert all(token and token.endswith("token") for *_, token in Forge.asked)
    paths = {
        "github": "/repos/acme/models/issues/5/comments",
        "gitlab": "/api/v4/projects/3/merge_requests/5/notes",
    }
    assert ("POST", paths[system]) in {asked[:2] for asked in Forge.asked}


def test_a_comment_that_is_refused(project: Project) -> None:
    """The step fails with a sentence, and without the token."""
    project.write("modelver-ci/report.md", "x")
    variables = {
        "CI_API_V4_URL": "http://127.0.0.1:1/api/v4",
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "5",
        "MODEL_NOTE_TOKEN": "token-of-the-project",
    }
    words = ["python", "ci/comment.py", "modelver-ci/report.md"]
    done = project.run(words, variables)
    assert done.returncode == 1
    assert done.stderr.startswith("comment.py: the comment was not made: ")
    assert "token-of-the-project" not in done.stderr
    file = {**variables, "CI_API_V4_URL": "file:///etc"}
    assert "is no address of a server" in project.run(words, file).stderr
