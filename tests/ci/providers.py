"""The templates as their CI systems would run them: steps of shell, and variables.

Each system is played as far as the templates need it: which shell runs a step, which
variables it has, what a step hands on to the next. What it does beyond is not known.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from attrs import Factory, define, field

from tests.ci.project import TEMPLATES, Project

BASH: Final = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
PLAIN_BASH: Final = ["bash", "-e", "-c"]
SH: Final = ["sh", "-xe", "-c"]
CANARY: Final = "a canary in the variables"
URL: Final = "https://ci.example.org/runs/7"


@define
class Outcome:
    """What a pipeline did.

    Attributes:
        code: Of the step that failed; 0: none did.
        failed: Its name.
        said: What all steps have written.
        outputs: What is handed on: ``ref``, ``version``, ``digest``.
        url: Where people see the run.
    """

    code: int = 0
    failed: str = ""
    said: str = ""
    outputs: Mapping[str, str] = Factory(dict)
    url: str = URL


@define
class Step:
    """One step: what runs it, and whether it runs after a failure as well."""

    name: str
    shell: list[str]
    script: str
    variables: Mapping[str, str] = field(factory=dict)
    always: bool = False


Provider = Callable[[Project], Outcome]


def _run(
    project: Project, steps: Iterator[Step], outcome: Outcome, **variables: str
) -> Outcome:
    for step in steps:
        if outcome.code and not step.always:
            continue
        words = [*step.shell, step.script]
        done = project.run(words, {**variables, **step.variables})
        outcome.said += done.stdout + done.stderr
        if done.returncode and not outcome.code:
            outcome.code, outcome.failed = done.returncode, step.name
    return outcome


def _pairs(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)


# GitHub Actions.

_EXPRESSION: Final = re.compile(r"\$\{\{ *(.+?) *\}\}")


def _value(text: str, known: Mapping[str, str]) -> str:
    """Return what an expression comes to: a name, a text, or two compared."""
    if " == " in text:
        left, right = (_value(side, known) for side in text.split(" == "))
        return "true" if left == right else "false"
    return text[1:-1] if text.startswith("'") else known[text]


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: _value(found[1], known), text)


class Actions:
    """A run of the workflow: what its expressions know, and the files it is told by."""

    def __init__(self, folder: Path) -> None:
        names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        self.files = {name: folder / name for name in names}
        self.known = {
            "github.actor": "ada",
            "github.ref": "refs/heads/main",
            "github.token": "",
            "steps.register.outputs.ref": "",
        }
        self.action = yaml.safe_load((TEMPLATES / "github/action.yml").read_text())
        self.workflow = yaml.safe_load((TEMPLATES / "github/workflow.yml").read_text())
        for path in self.files.values():
            path.unlink(missing_ok=True)

    @property
    def outputs(self) -> dict[str, str]:
        """What the steps have told so far."""
        return _pairs(self.files["GITHUB_OUTPUT"])

    def filled(self, variables: Mapping[str, Any]) -> dict[str, str]:
        """Return variables with their expressions worked out."""
        told = {f"steps.register.outputs.{k}": v for k, v in self.outputs.items()}
        self.known |= told
        return {k: _filled(str(v), self.known) for k, v in variables.items()}

    def composite(self, given: Mapping[str, Any]) -> Iterator[Step]:
        """Yield the steps of the action."""
        inputs = self.action["inputs"]
        assert set(given) <= set(inputs)
        assert {n for n, i in inputs.items() if i.get("required")} <= set(given)
        values = {n: i.get("default", "") for n, i in inputs.items()} | dict(given)
        self.known |= {f"inputs.{k}": v for k, v in self.filled(values).items()}
        for step in self.action["runs"]["steps"]:
            if _value(step.get("if", "'true'"), self.known) == "true":
                assert step["shell"] == "bash"
                yield Step(step["name"], BASH, step["run"], self.filled(step["env"]))

    def steps(self) -> Iterator[Step]:
        """Yield the steps of the workflow that are not other people's actions."""
        for step in self.workflow["jobs"]["train"]["steps"]:
            always = step.get("if") == "always()"
            if step.get("uses") == "./.github/actions/modelver":
                yield from self.composite(step["with"])
            elif "run" in step:
                variables = self.filled(step.get("env", {}))
                yield Step(step["name"], PLAIN_BASH, step["run"], variables, always)
            else:
                assert step["uses"].startswith("actions/")


def github(project: Project) -> Outcome:
    """Run the workflow, and where it uses the composite action, that."""
    run = Actions(project.folder.parent)
    assert set(run.workflow[True]) == {"push", "pull_request", "workflow_dispatch"}
    author = run.workflow["env"]["MODELVER_AUTHOR"]
    done = _run(
        project,
        run.steps(),
        Outcome(url="https://github.com/acme/models/actions/runs/7"),
        CI="true",
        GITHUB_ACTIONS="true",
        GITHUB_ACTOR="ada",
        GITHUB_REF="refs/heads/main",
        GITHUB_REPOSITORY="acme/models",
        GITHUB_RUN_ID="7",
        GITHUB_SERVER_URL="https://github.com",
        MODELVER_AUTHOR=_filled(author, run.known),
        GITHUB_TOKEN=CANARY,
        **{name: str(path) for name, path in run.files.items()},
    )
    done.outputs = run.outputs
    assert set(run.action["outputs"]) == {"ref", "version", "digest"}
    for name, output in run.action["outputs"].items():
        assert output["value"] == f"${{{{ steps.register.outputs.{name} }}}}"
    if not done.code:
        report = (project.folder / "modelver-ci" / "report.md").read_text()
        assert run.files["GITHUB_STEP_SUMMARY"].read_text() == report
    return done


# GitLab CI.


def gitlab(project: Project) -> Outcome:
    """Run the jobs of the include, the second with what the first hands on."""
    path = TEMPLATES / "gitlab" / "modelver.gitlab-ci.yml"
    pipeline = yaml.safe_load(path.read_text())
    base = pipeline.pop(".modelver")
    variables = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PIPELINE_URL": URL,
        "CI_COMMIT_BRANCH": "main",
        "CI_DEFAULT_BRANCH": "main",
        "GITLAB_USER_LOGIN": "ada",
        "CI_JOB_TOKEN": CANARY,
    }
    for name, value in pipeline.pop("variables").items():
        variables[name] = re.sub(
            r"\$(\w+)", lambda found: variables[found[1]], str(value)
        )
    assert pipeline.pop("stages") == [job["stage"] for job in pipeline.values()]
    outcome = Outcome()

    def steps() -> Iterator[Step]:
        for name, job in pipeline.items():
            assert job["extends"] == ".modelver"
            # A job's lines are one script; the runner stops at the first that fails.
            script = "\n".join([*base["before_script"], *job["script"]])
            handed = _pairs(dotenv) if name != "modelver-register" else {}
            yield Step(name, PLAIN_BASH, script, handed)
            after = "\n".join(job.get("after_script", ["true"]))
            yield Step(f"{name} after", PLAIN_BASH, after, always=True)

    reports = pipeline["modelver-register"]["artifacts"]["reports"]
    dotenv = project.folder / reports["dotenv"]
    done = _run(project, steps(), outcome, **variables)
    found = _pairs(dotenv)
    done.outputs = {k.removeprefix("MODEL_").lower(): v for k, v in found.items()}
    if not done.code:
        assert (project.folder / reports["metrics"]).is_file()
        assert list(project.folder.glob(reports["junit"]))
    return done


# Jenkins.


def _braces(text: str, start: int) -> str:
    """Return the block that begins with the brace at *start*."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start + 1 : at]
    raise AssertionError("a block does not end")


def jenkins(project: Project) -> Outcome:
    """Run the ``sh`` steps of the stages, with the variables of the environment."""
    text = (TEMPLATES / "jenkins" / "Jenkinsfile").read_text()
    environment = _braces(text, text.index("{", text.index("environment")))
    declared = dict(re.findall(r"^\s*(\w+) = '(.*)'$", environment, re.MULTILINE))
    variables = {
        **declared,
        "MODELVER_REGISTRY": str(project.registry),
        "BRANCH_NAME": "main",
        "BUILD_URL": URL,
        "JENKINS_URL": "https://ci.example.org",
        "AWS_ACCESS_KEY_ID": "AKIA" + "X" * 16,
        "AWS_SECRET_ACCESS_KEY": CANARY,
    }

    def steps() -> Iterator[Step]:
        for stage in re.finditer(r"stage\('(\w+)'\) \{", text):
            block = _braces(text, stage.end() - 1)
            scripts = re.findall(r"sh '''\n(.*?)'''", block, re.DOTALL)
            assert scripts, stage[1]
            for script in scripts:
                # Groovy takes the backslash at the end of a line for its own.
                joined = script.replace("\\\n", " ")
                yield Step(stage[1], SH, joined)

    assert {"Train", "Register", "Promote"} <= set(re.findall(r"stage\('(\w+)'", text))
    outcome = _run(project, steps(), Outcome(), **variables)
    found = _pairs(project.folder / "modelver-ci" / "ref.env")
    outcome.outputs = {k.removeprefix("MODEL_").lower(): v for k, v in found.items()}
    patterns = re.findall(r"(?:testResults|artifacts): '([^']+)'", text)
    for pattern in patterns if not outcome.code else ():
        assert list(project.folder.glob(pattern)), pattern
    return outcome


PROVIDERS: Final[Mapping[str, Provider]] = {
    "github": github,
    "gitlab": gitlab,
    "jenkins": jenkins,
}
