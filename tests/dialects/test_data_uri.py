"""Pictures inside of requests: what a data: URI may be written like, and how little memory it takes to read one."""

import base64
import tracemalloc
from urllib.parse import quote, unquote_to_bytes

import pytest

from rubylith.dialects import _data_uri
from rubylith.dialects._data_uri import read_data_uri
from rubylith.domain.errors import InvalidImage

SIZE = 1_500_000  # characters
TIMES = 4


@pytest.mark.parametrize("start", ["data:image/png;base64,", "data:image/png,"])
@pytest.mark.parametrize("repeated", ["%41", "%2B", "ab%2F", "A%20", "AAA ", "%", "A"])
def test_a_data_uri_takes_at_most_a_few_times_its_size(start, repeated):
    uri = start + repeated * (SIZE // len(repeated))

    tracemalloc.start()
    try:
        read_data_uri(uri)
    except InvalidImage:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert most < TIMES * len(uri)


@pytest.mark.parametrize("escape", [str, str.lower])
def test_what_base64_has_of_characters_that_urls_reserve_may_be_escaped(escape):
    data = bytes(range(256)) + b"\xfb\xff\xff"
    text = base64.b64encode(data).decode()
    assert "+" in text
    assert "/" in text
    assert text.endswith("=")

    for character in "+/=":
        text = text.replace(character, escape(quote(character, safe="")))

    assert read_data_uri(f"data:;base64,{text}") == data


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r\n", "%20", "%09", "%0A", "%0d%0a"])
def test_white_space_in_base64_is_passed_over(space):
    assert read_data_uri(f"data:;base64,{space}aG{space}k{space}") == b"hi"


@pytest.mark.parametrize("payload", ["%61G9s", "aGk%", "aGk%2", "aGk%zz", "%2%20Ba", "%252B", "aGké"])
def test_other_escapes_are_no_base64(payload):
    with pytest.raises(InvalidImage, match="not valid base64"):
        read_data_uri(f"data:;base64,{payload}")


@pytest.mark.parametrize("text", ["a%41%zz%%42%4", "é%C3%a9%", "%" * 9, "%%41%%41%%41", "ab%41c%"])
@pytest.mark.parametrize("chunk", [3, 4, 5, 1 << 12])
def test_escapes_without_base64_are_read_wherever_they_lie(text, chunk, monkeypatch):
    monkeypatch.setattr(_data_uri, "CHUNK", chunk)

    assert read_data_uri(f"data:,{text}") == unquote_to_bytes(text)
