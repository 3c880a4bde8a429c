"""A comparison as a page that stands alone: one file, no script, the heatmap as inline SVG.

Everything that others wrote is escaped, and the page's own policy lets it load nothing.
"""

from collections.abc import Iterable, Iterator
from html import escape

from regulator.exchange.v1.framework_pb2 import Comparison

from gateway.cli.options import word_of
from gateway.cli.output import day_text
from gateway.cli.views.framework import areas, counts, figure, first_text, outcome_word, sector_word

Cell = Comparison.Cell

LEFT, TOP, WIDTH, HEIGHT = 200, 40, 150, 26  # pixels: the margins for labels, and a cell

_COLOURS = {Cell.BOTH: "#2f7d4f", Cell.FIRST_ONLY: "#c9772b", Cell.SECOND_ONLY: "#3a6ea5", Cell.NEITHER: "#b9b9b9"}
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top;width:50%}h2{margin-top:2rem}svg text{font:12px system-ui,sans-serif}.pending{color:#777}"
    ".key span{padding:.1rem .5rem;color:#fff;margin-right:.5rem}"
)


def page(comparison: Comparison) -> str:
    """The page, in HTML."""
    first, second = comparison.first_jurisdiction, comparison.second_jurisdiction
    title = escape(f"{first} and {second}, rules as of {day_text(comparison.as_of)}")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        f"<p>Compared: {escape(', '.join(comparison.versions)) or 'no version'}. Gaps: {comparison.gap_count}.</p>",
        _key(first, second),
        heatmap(comparison),
        *(_section(cell, first, second) for cell in comparison.cells),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def heatmap(comparison: Comparison) -> str:
    """The matrix as SVG: a row a topic, a column a sector; each cell leads to its section."""
    sectors, topics = areas(comparison)
    width, height = LEFT + WIDTH * len(sectors), TOP + HEIGHT * len(topics)
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="Sector by risk topic">']
    for place, sector in enumerate(sectors):
        parts.append(f'<text x="{LEFT + WIDTH * place + 4}" y="{TOP - 10}">{escape(sector_word(sector))}</text>')
    for place, topic in enumerate(topics):
        parts.append(f'<text x="0" y="{TOP + HEIGHT * place + 17}">{escape(topic)}</text>')
    for cell in comparison.cells:
        x, y = LEFT + WIDTH * sectors.index(cell.sector), TOP + HEIGHT * topics.index(cell.topic)
        parts.append(_square(cell, x, y))
    return "\n".join([*parts, "</svg>"])


def _square(cell: Cell, x: int, y: int) -> str:
    first, second, pending = counts(cell)
    told = f"{first} / {second}" + (f" (+{pending})" if pending else "")
    judged = " *" if cell.assessments else ""
    colour = _COLOURS.get(cell.coverage, "#ffffff")
    return (
        f'<a href="#{_anchor(cell)}"><rect x="{x}" y="{y}" width="{WIDTH - 2}" height="{HEIGHT - 2}" fill="{colour}"/>'
        f'<text x="{x + 6}" y="{y + 16}" fill="#fff">{told}{judged}</text>'
        f"<title>{escape(_name(cell))}: {escape(_coverage(cell))}</title></a>"
    )


def _key(first: str, second: str) -> str:
    words = {
        Cell.BOTH: "both",
        Cell.FIRST_ONLY: f"{first} alone",
        Cell.SECOND_ONLY: f"{second} alone",
        Cell.NEITHER: "neither",
    }
    spans = (f'<span style="background:{_COLOURS[each]}">{escape(word)}</span>' for each, word in words.items())
    told = f"rules in force, {first} / {second}; (+n): pending; *: assessed"
    return f'<p class="key">{"".join(spans)} {escape(told)}</p>'


def _section(cell: Cell, first: str, second: str) -> str:
    return "\n".join(
        [
            f'<h2 id="{_anchor(cell)}">{escape(_name(cell))}</h2>',
            f"<table><tr><th>{escape(first)}</th><th>{escape(second)}</th></tr>",
            f"<tr><td>{_rules(cell.first)}</td><td>{_rules(cell.second)}</td></tr>",
            *(
                f"<tr><td>{_figures(each, each.first)}</td><td>{_figures(each, each.second)}</td></tr>"
                for each in cell.parameters
            ),
            "</table>",
            *_assessments(cell),
        ]
    )


def _rules(provisions: Iterable[Comparison.ComparedProvision]) -> str:
    return "<br>".join(map(_rule, provisions)) or "no rule"


def _rule(provision: Comparison.ComparedProvision) -> str:
    text = f"{escape(first_text(provision.title))} <small>{escape(provision.citation)}</small>"
    return text if provision.in_force else f'<span class="pending">{text} (pending)</span>'


def _figures(aligned: Comparison.AlignedParameter, stated: Iterable[Comparison.StatedParameter]) -> str:
    told = ", ".join(figure(each.parameter) for each in stated)
    return f"{escape(aligned.key)}: {escape(told) or 'none'}"


def _assessments(cell: Cell) -> Iterator[str]:
    for each in cell.assessments:
        reason = escape(first_text(each.content.reasons))
        yield f"<p>{escape(each.assessor)}: <b>{escape(outcome_word(each.content.outcome))}</b>. {reason}</p>"


def _name(cell: Cell) -> str:
    return f"{sector_word(cell.sector)}: {cell.topic}"


def _coverage(cell: Cell) -> str:
    return word_of(Cell.Coverage, cell.coverage)


def _anchor(cell: Cell) -> str:
    return escape(f"{cell.sector}-{cell.topic}")
