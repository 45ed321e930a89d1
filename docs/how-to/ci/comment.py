"""Posts a report as the one comment of a pull request or a merge request.

``python ci/comment.py modelver-ci/report.md``: a comment that an earlier run has left
is replaced. Where there is no such request, or no token, nothing is done.

On GitHub it needs ``GITHUB_TOKEN`` with the permission ``pull-requests: write``; on
GitLab ``MODEL_NOTE_TOKEN``, an access token of the project with the scope ``api``.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

MOST: Final = 60_000
"""How many characters a comment may have; GitHub takes 65,536."""
PAGES: Final = 20
HUNDRED: Final = 100


class Place(NamedTuple):
    """Where comments are listed and made.

    Attributes:
        url: Of the list.
        one: Of one of them, its id left open.
        change: The method that changes one.
        headers: Who asks.
    """

    url: str
    one: str
    change: str
    headers: Mapping[str, str]


def place(variables: Mapping[str, str]) -> Place | None:
    """Return where to comment, by the variables of the CI system; None: nowhere."""
    if variables.get("GITHUB_ACTIONS") == "true":
        number = re.fullmatch(r"refs/pull/(\d+)/\w+", variables.get("GITHUB_REF", ""))
        token = variables.get("GITHUB_TOKEN")
        if number is None or not token:
            return None
        root = f"{variables['GITHUB_API_URL']}/repos/{variables['GITHUB_REPOSITORY']}"
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
        }
        issues = f"{root}/issues"
        where = f"{issues}/{number[1]}/comments"
        return Place(where, f"{issues}/comments/{{}}", "PATCH", headers)
    request = variables.get("CI_MERGE_REQUEST_IID")
    token = variables.get("MODEL_NOTE_TOKEN")
    if not request or not token:
        return None
    project = f"{variables['CI_API_V4_URL']}/projects/{variables['CI_PROJECT_ID']}"
    notes = f"{project}/merge_requests/{request}/notes"
    return Place(notes, f"{notes}/{{}}", "PUT", {"PRIVATE-TOKEN": token})


def ask(method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Any:
    """Return what the server answers."""
    if not url.startswith(("https://", "http://")):
        raise SystemExit(f"comment.py: {url} is no address of a server")
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={**headers, "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def comments(where: Place) -> Iterator[Any]:
    """Yield the comments that are there."""
    for page in range(1, PAGES + 1):
        url = f"{where.url}?per_page={HUNDRED}&page={page}"
        found = ask("GET", url, where.headers)
        yield from found
        if len(found) < HUNDRED:
            return


def model(file: Path) -> str:
    """Return the model that was registered: each has a comment of its own."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search("^MODEL_REF=([^@\n]+)@", text, re.MULTILINE)
    return found[1] if found else "?"


def main() -> None:
    """Post the report, or replace the one of an earlier run."""
    report = Path(sys.argv[1])
    where = place(os.environ)
    if where is None or not report.is_file():
        print("comment.py: nothing to comment on")
        return
    mark = f"<!-- modelver {model(report.parent / 'ref.env')} -->"
    body = {"body": f"{mark}\n{report.read_text(encoding='utf-8')[:MOST]}"}
    try:
        mine = [c["id"] for c in comments(where) if c["body"].startswith(mark)]
        if mine:
            ask(where.change, where.one.format(mine[0]), where.headers, body)
        else:
            ask("POST", where.url, where.headers, body)
    except urllib.error.URLError as error:
        raise SystemExit(f"comment.py: the comment was not made: {error}") from error


if __name__ == "__main__":
    main()
