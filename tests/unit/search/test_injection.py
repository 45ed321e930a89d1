"""Whatever stored text holds, it comes out of a table as text."""

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from modelver._search.compare import Comparison
from modelver._search.diff import Diff
from modelver._values.facts import Facts

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><h1>x</h1>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "[x](javascript:alert(1))",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "![x](https://evil.example/p.png)",
    "<https://evil.example>",
    "https://evil.example/x",
    "www.evil.example",
    "a | b | c",
    "a \\| b",
    "a \\\\| b",
    "`code` | ``x",
    "```\nfence",
    "**bold** _it_ __b__ *i* ~~s~~",
    "snake_case_name __init__ _x",
    "# heading\n\n- list\n\n> quote",
    "\n| a | b |\n| --- | --- |\n",
    "line\r\nline\rline\u2028line",
    "$x$ {role}`x` {{ template }}",
    "@everyone @a/b",
    "\x1b[2J\x1b]52;c;AAAA\x07",
    "\x9b31m",
    "a\u202eb\u2066c\u200bd\ufeff",
    "\ud800",
    "\0",
    "--- x",
    "=cmd|' /C calc'!A0",
]
TAGS = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "h3", "h4"}


def _facts(text: str, number: int) -> Facts:
    """Return facts that hold *text* wherever text can stand."""
    return Facts(
        ref=f"{text}@{number}",
        digest=text,
        files={f"code/{text}": ("code", text, number)},
        config={text: f"{text}{number}"},
        packages={text: f"{text}{number}"},
        python=f"{text}{number}",
        code=f"{text}{number}",
        params={text: f"{text}{number}"},
        metrics={text: number},
        slices={text: {text: number}},
        tags={text: f"{text}{number}"},
        inputs={text: f"{text}{number}"},
        status=f"{text}{number}",
        aliases=(text, str(number)),
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.counts = {"tr": 0, "td": 0, "th": 0}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)
        if tag in self.counts:
            self.counts[tag] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("text", HOSTILE)
def test_terminal(text: str) -> None:
    """Text for terminals is printable line by line, and no line is added."""
    a, b, harmless = _facts(text, 1), _facts(text, 2), [_facts("x", 1), _facts("x", 2)]
    for shown, plain in (
        (str(Diff.between(a, b)), str(Diff.between(*harmless))),
        (str(Comparison.of([a, b])), str(Comparison.of(harmless))),
    ):
        assert shown.count("\n") == plain.count("\n")
        assert not re.search(
            r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u2066\u200b]", shown
        )
        shown.encode()
    assert repr(Diff.between(a, b)).isprintable()
    assert repr(Comparison.of([a, b])).isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_html(text: str) -> None:
    """HTML has the same tags as for harmless text, and no attribute but our own."""
    a, b, harmless = _facts(text, 1), _facts(text, 2), [_facts("x", 1), _facts("x", 2)]
    for html, plain in (
        (Diff.between(a, b)._repr_html_(), Diff.between(*harmless)._repr_html_()),
        (Comparison.of([a, b])._repr_html_(), Comparison.of(harmless)._repr_html_()),
    ):
        found, expected = _read(html), _read(plain)
        assert found.tags <= TAGS
        assert found.counts == expected.counts
        assert found.attributes == expected.attributes
        html.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown(text: str) -> None:
    """Rendered as GitHub does, with raw HTML on, the tables hold text and no more."""
    render = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    a, b = _facts(text, 1), _facts(text, 2)
    source = Diff.between(a, b).to_markdown()
    found = _read(render.render(source))
    expected = _read(
        render.render(Diff.between(_facts("x", 1), _facts("x", 2)).to_markdown())
    )
    assert found.tags <= TAGS | {"code"}
    assert found.counts == expected.counts
    # Bare addresses are made links of the source, before entities are read; never
    # inside code, which is what a plain ref in the heading is.
    source = re.sub("`.*?`", "", source)
    assert not re.search(r"https?://|www\.", source)
    assert not re.search(r"(?<!\w)@\w", source)
    source.encode()


def test_markdown_shows_what_was_stored() -> None:
    """Escaping is undone by rendering: the reader sees the text itself."""
    text = "a|b `c` *d* _e_ f_g [h](i) <j> & ~k~ \\l https://m"
    source = Diff.between(
        Facts(ref="m@1.0.0", digest=""),
        Facts(ref="m@1.0.1", digest="", tags={"t": text}),
    ).to_markdown()
    assert text in _read(MarkdownIt("gfm-like", {"linkify": False}).render(source)).text
