"""Writes the generated parts of ``reference/cli.md`` from the verbs.

Run it after a verb or an option has changed: ``python docs/cli_page.py``. A test
fails while the page says something else than the code.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from modelver._cli.parser import EXIT_CODES, VERBS, usage
from modelver._cli.spec import GLOBAL, GROUPS, Argument, Verb

PAGE: Final = Path(__file__).parent / "reference" / "cli.md"

# What is typed is set as code: prose would make a dash of `--` and bend the quotes.
_TYPED: Final = re.compile(
    r"--[a-z][a-z-]*|\{.+\}|\bK=V\b|\b(?!JSON|UTC|URL)[A-Z][A-Z_]+(?:[@=][^\s,;()]+)?"
)


def _code(text: str) -> str:
    # A bar ends a cell of a table even inside code.
    return f"`{text}`".replace("|", "\\|")


def _prose(text: str) -> str:
    return _TYPED.sub(lambda found: _code(found[0]), text)


def _flags(argument: Argument) -> str:
    flags = [flag for flag in (argument.short, argument.flag) if flag]
    if not argument.is_option:
        return _code(argument.value)
    return ", ".join(_code(f"{flag} {argument.value}".strip()) for flag in flags)


def _meaning(argument: Argument) -> str:
    again = " (may be repeated)" if argument.is_option and argument.repeats else ""
    return _prose(argument.help) + again


def arguments_table(arguments: Iterable[Argument], title: str) -> Iterator[str]:
    """Yield a table of words and options."""
    yield f"| {title} | means |"
    yield "| --- | --- |"
    yield from (f"| {_flags(a)} | {_meaning(a)} |" for a in arguments)


def verb_section(verb: Verb) -> Iterator[str]:
    """Yield all that the help of a verb says, options of every verb left out."""
    yield f"### {verb.name}"
    yield ""
    yield f"{verb.short[0].upper()}{verb.short[1:]}."
    yield ""
    yield "```text"
    yield usage(verb)
    yield "```"
    yield ""
    if verb.arguments:
        yield from arguments_table(verb.arguments, "word or option")
        yield ""
    if verb.long:
        yield _prose(verb.long)
        yield ""
    if verb.example and verb.arguments:
        yield "For instance:"
        yield ""
        yield "```text"
        yield f"modelver {verb.example}"
        yield "```"
        yield ""


def verb_sections() -> str:
    """Return every verb, group after group."""
    lines: list[str] = []
    for group in GROUPS:
        lines += [f"## {group}", ""]
        for verb in VERBS.values():
            if verb.group == group:
                lines += verb_section(verb)
    return "\n".join(lines).rstrip()


def exit_table() -> str:
    """Return the table of exit codes."""
    rows = ["| code | means |", "| ---: | --- |"]
    return "\n".join([*rows, *(f"| {code} | {text} |" for code, text in EXIT_CODES)])


def global_table() -> str:
    """Return the table of the options of every verb."""
    return "\n".join(arguments_table(GLOBAL, "option"))


def page_made_anew(page: str) -> str:
    """Return *page* with each generated part between its marks made anew."""
    parts = {"options": global_table, "codes": exit_table, "verbs": verb_sections}
    for name, make in parts.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n\n{make()}\n\n{end}{tail}"
    return page


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page_made_anew(text), encoding="utf-8")
