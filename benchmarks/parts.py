"""Parts of a page that are written by different commands, each between two comments that name it."""

import re


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- begin {name} -->\n(.*?)\n?<!-- end {name} -->\n?", re.DOTALL)


def part(page: str, name: str) -> str | None:
    """What stands in the part; None where the page has none."""
    found = _pattern(name).search(page)
    return None if found is None else found[1]


def put(page: str, name: str, text: str) -> str:
    """The page with `text` as its part: in the place of the former one, or at the end."""
    written = f"<!-- begin {name} -->\n{text.strip()}\n<!-- end {name} -->\n"
    pattern = _pattern(name)
    if pattern.search(page):
        return pattern.sub(lambda _: written, page, count=1)
    return f"{page.rstrip()}\n\n{written}"


def kept(page: str, before: str, name: str) -> str:
    """A newly written page with the part that the page before it had, if it had one."""
    text = part(before, name)
    return page if text is None else put(page, name, text)
