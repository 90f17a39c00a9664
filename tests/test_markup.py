import base64
import hashlib
import html
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from augmentlab.markup import Markup, element, joined, source_hash, text


class Reader(HTMLParser):
    """Notes what a browser would see."""

    def __init__(self):
        super().__init__()
        self.tags, self.said = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said += data


@given(st.text())
def test_any_text_comes_back_from_between_tags_and_from_attributes(plain):
    reader = Reader()
    reader.feed(element("p", plain, title=plain))
    reader.close()
    controls = {chr(code) for code in (*range(32), *range(127, 160))} - set("\t\n\r")
    whole = "".join(
        "\N{REPLACEMENT CHARACTER}" if one in controls else one for one in plain.encode("utf-8", "replace").decode()
    )
    assert reader.tags == [("p", {"title": whole})]
    assert reader.said == whole


def test_markup_is_not_escaped_again():
    inside = element("b", "a & b")
    assert element("p", inside, 3, None) == "<p><b>a &amp; b</b>3</p>"
    assert text(inside) is inside
    assert joined("<", Markup("<br>")) == "&lt;<br>"


def test_attributes_are_written_as_html_wants_them():
    made = element("img", alt="", class_="wide", aria_hidden="true", hidden=True, title=None, tabindex=0)
    assert made == '<img alt="" class="wide" aria-hidden="true" hidden tabindex="0">'


def test_a_source_is_named_by_its_bytes():
    digest = base64.b64encode(hashlib.sha256("p { content: 'é' }".encode()).digest()).decode()
    assert source_hash("p { content: 'é' }") == f"'sha256-{digest}'"
    assert html.escape(source_hash("")) != source_hash("")
