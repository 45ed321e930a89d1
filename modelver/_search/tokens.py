"""Filter text cut into tokens, and errors that point into it.

The grammar reads these. Nothing here knows which fields there are.
"""

import re
from typing import Final, Literal

from attrs import frozen

from modelver._values.text import term_safe
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["MAX_LENGTH", "Kind", "Source", "Token", "split_name", "tokenize", "unquote"]

MAX_LENGTH: Final = 4096
_SHOWN: Final = 64

Kind = Literal[
    "text", "quoted", "number", "op", "open", "close", "comma", "word", "end"
]

_QUOTED: Final = r'"(?:[^"]|"")*"|`[^`]*`'
_NUMBER: Final = r"(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
_NAME: Final = rf"(?:[\w/-]+|{_QUOTED})"
# Every repeat is possessive or followed by what it cannot match: no input makes it
# go back.
_TOKEN: Final = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>{_QUOTED})
    | (?P<number>[+-]?{_NUMBER}(?![\w.]))
    | (?P<op><=|>=|<>|!=|==|=|<|>)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<comma>,)
    | (?P<word>[^\W\d][\w/-]*+(?:\.{_NAME})*+(?:@{_NAME})?+)
    """,
    re.VERBOSE,
)


@frozen
class Token:
    """One token.

    Attributes:
        kind: What it is; ``end`` stands after the last one.
        text: As written, quotes included.
        start: Characters before it.
    """

    kind: Kind
    text: str
    start: int

    @property
    def word(self) -> str:
        """The keyword that it may be, in lower case; empty for other tokens."""
        return self.text.lower() if self.kind == "word" else ""


@frozen
class Source:
    """The text being read.

    Attributes:
        text: All of it.
        what: What to call it: ``filter`` or ``order``.
    """

    text: str
    what: str

    def error(
        self, message: str, position: int, hint: str | None = None, **facts: object
    ) -> InvalidInputError:
        """Return an error of kind ``BAD_FILTER`` that shows *position*."""
        left = max(0, position - _SHOWN // 2)
        shown = self.text[left : left + _SHOWN]
        # One column for each character, or the caret would miss.
        line = "".join(char if char.isprintable() else " " for char in shown)
        if left:
            line = "…" + line[1:]
        if left + _SHOWN < len(self.text):
            line = line[:-1] + "…"
        caret = " " * (position - left) + "^"
        hints = (line, caret, term_safe(hint, multiline=True) if hint else None)
        return InvalidInputError(
            f"{term_safe(message)}, at character {position + 1} of the {self.what}",
            kind=ErrorKind.BAD_FILTER,
            hint="\n".join(filter(None, hints)),
            position=position,
            **facts,
        )


def tokenize(source: Source) -> list[Token]:
    """Return the tokens of *source*, ``end`` last, in time linear in its length.

    Raises:
        InvalidInputError: It is too long, or holds something that is no token.
    """
    text = source.text
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(
            f"the {source.what} has {len(text)} characters, more than {MAX_LENGTH}",
            kind=ErrorKind.BAD_FILTER,
            hint="Search with a shorter one and filter its answer.",
            position=MAX_LENGTH,
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _no_token(source, at)
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # one of the names
        if match.lastgroup != "space":
            tokens.append(Token(kind, match[0], at))
        at = match.end()
    tokens.append(Token("end", "", at))
    return tokens


def unquote(text: str) -> str:
    """Return what stands in quotes, each doubled quote once; bare text as it is."""
    mark = text[:1]
    if mark not in {"'", '"', "`"}:
        return text
    return text[1:-1].replace(mark * 2, mark)


def split_name(text: str) -> tuple[list[str], str | None]:
    """Return the dotted parts of a word token and what follows its ``@``."""
    parts: list[str] = []
    part: str | None = None
    for match in re.finditer(rf"(@?)({_NAME})", text):
        if match[1]:
            part = unquote(match[2])
        else:
            parts.append(unquote(match[2]))
    return parts, part


def _no_token(source: Source, at: int) -> InvalidInputError:
    char = source.text[at]
    if char in "'\"`" or re.match(r"[.@][\"`]", source.text[at : at + 2]):
        return source.error(
            "a quote is not closed", at, "Write a quote inside quotes twice: 'it''s'."
        )
    if number := re.match(r"[+-]?[.]?[0-9][\w.+-]*", source.text[at:]):
        found = number[0][:40]
        return source.error(
            f"{found!r} is not a number", at, f"If it is text, quote it: '{found}'."
        )
    return source.error(f"{char!r} has no meaning here", at)
