import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.storage.keys import disposition, file_name, media_type_of


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("mask.png", "mask.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\dog.png", "dog.png"),
        ("a\r\nSet-Cookie: b.png", "aSet-Cookie: b.png"),
        ("", "1"),
        (None, "1"),
        (" .. ", "1"),
        ("dir/", "1"),
    ],
)
def test_a_download_is_called_by_its_last_name(given_, expected):
    assert file_name(given_, "up/1") == expected


@given(st.text())
def test_no_name_breaks_out_of_its_header(name):
    header = disposition(file_name(name, "up/1"), "image/png")
    assert re.fullmatch(r'inline; filename="[^"\\\x00-\x1f]*"; filename\*=UTF-8\'\'[A-Za-z0-9._~%-]+', header)


@given(st.text())
def test_clients_read_the_name_that_was_given(name):
    plain = file_name(name, "up/1")
    assert unquote(disposition(plain, "image/png").partition("filename*=UTF-8''")[2]) == plain


@pytest.mark.parametrize(
    "media_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "application/pdf", "text/xml"]
)
def test_what_could_hold_a_script_is_never_shown_as_our_page(media_type):
    assert disposition("a", media_type).startswith("attachment;")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG; charset=x", "image/png"),
        ("image/svg+xml", "image/svg+xml"),
        ("nonsense", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a/b\r\nX: 1", "application/octet-stream"),
    ],
)
def test_a_media_type_is_plain_or_none(text, expected):
    assert media_type_of(text) == expected
