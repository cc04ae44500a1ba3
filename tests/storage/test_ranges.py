import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.storage.ranges import byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("Bytes = 10-", (10, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=100-", (100, 100)),
        ("bytes=-0", (100, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_a_range_is_read_as_the_rfc_says(header, expected):
    assert byte_range(header, 100) == expected


@given(st.text(), st.integers(0, 1000))
def test_any_header_gives_a_range_within_the_object(header, size):
    found = byte_range("bytes=" + header, size)
    assert found is None or 0 <= found[0] <= found[1] <= size
