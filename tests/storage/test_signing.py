import secrets
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.domain.errors import Forbidden
from rubylith.storage.signing import Grant, Signer

NOW = 1_800_000_000
SIGNER = Signer(bytes(range(32)))
GET = Grant("GET", "jobs/1/mask.png", NOW + 60)
PUT = Grant("PUT", "up/1", NOW + 60, "image/png", 1000)


def query(grant, signer=SIGNER):
    return dict(parse_qsl(signer.query(grant), strict_parsing=True))


@pytest.mark.parametrize("grant", [GET, PUT])
def test_a_url_opens_what_it_was_signed_for(grant):
    assert SIGNER.granted(grant.method, grant.key, query(grant), now=NOW) == grant


def test_a_url_to_get_opens_head_too_and_one_to_put_opens_nothing_else():
    assert SIGNER.granted("HEAD", GET.key, query(GET), now=NOW) == GET
    for method, grant in [("PUT", GET), ("DELETE", GET), ("POST", PUT), ("GET", PUT), ("HEAD", PUT)]:
        with pytest.raises(Forbidden):
            SIGNER.granted(method, grant.key, query(grant), now=NOW)


@pytest.mark.parametrize("grant", [GET, PUT])
def test_a_url_ends_with_its_second(grant):
    SIGNER.granted(grant.method, grant.key, query(grant), now=NOW + 59.9)
    with pytest.raises(Forbidden, match="expired"):
        SIGNER.granted(grant.method, grant.key, query(grant), now=NOW + 60)


@pytest.mark.parametrize(
    "change",
    [
        {"expires": str(NOW + 61)},
        {"expires": f"{NOW + 60} "},
        {"expires": f"0{NOW + 60}"},
        {"expires": ""},
        {"type": "text/html"},
        {"size": "1001"},
        {"method": "GET"},
        {"method": "put"},
        {"signature": ""},
        {"signature": "é"},
        {"signature": "\ud800"},
    ],
)
def test_an_altered_url_opens_nothing(change):
    with pytest.raises(Forbidden):
        SIGNER.granted("PUT", PUT.key, query(PUT) | change, now=NOW)


def test_a_url_with_a_part_missing_opens_nothing():
    for name in query(PUT):
        short = {other: value for other, value in query(PUT).items() if other != name}
        with pytest.raises(Forbidden):
            SIGNER.granted("PUT", PUT.key, short, now=NOW)
    with pytest.raises(Forbidden):
        SIGNER.granted("GET", GET.key, {}, now=NOW)


@pytest.mark.parametrize(
    "key", ["jobs/2/mask.png", "jobs/1/mask.png/", "jobs/1/../1/mask.png", "JOBS/1/mask.png", "", "a"]
)
def test_a_url_of_one_object_opens_no_other(key):
    with pytest.raises(Forbidden):
        SIGNER.granted("GET", key, query(GET), now=NOW)


def test_another_secret_signs_for_nobody_here():
    with pytest.raises(Forbidden):
        SIGNER.granted("GET", GET.key, query(GET, Signer(secrets.token_bytes(32))), now=NOW)


@given(st.text(), st.dictionaries(st.sampled_from(["method", "expires", "type", "size", "signature"]), st.text()))
def test_no_string_breaks_the_check(key, fields):
    with pytest.raises(Forbidden):
        SIGNER.granted("GET", key, fields, now=NOW)


def test_no_part_can_pose_as_another():
    """What is signed has one reading only: parts cannot be shifted over their borders."""
    signed = query(Grant("PUT", "up/1", NOW + 60, "a/b&size=9", 1))
    shifted = dict(parse_qsl(urlencode(signed).replace("%26", "&").replace("%3D", "="))) | {"type": "a/b"}
    with pytest.raises(Forbidden):
        SIGNER.granted("PUT", "up/1", shifted, now=NOW)


def test_a_short_secret_is_no_secret():
    with pytest.raises(ValueError, match="32"):
        Signer(b"short")
