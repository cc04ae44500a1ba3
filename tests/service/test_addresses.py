from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubylith.service.addresses import DENIED, denied, named, networks, parsed

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1"]
PUBLIC6 = ["2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888", "2400:cb00::1"]


@pytest.mark.parametrize("text", PUBLIC + PUBLIC6)
def test_public_addresses_may_be_reached(text):
    assert denied(ip_address(text)) is None


@pytest.mark.parametrize("block", [block for block, _ in DENIED])
def test_first_and_last_address_of_every_block_may_not(block):
    network = ip_network(block)
    assert denied(network[0])
    assert denied(network[-1])


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_python_calls_not_global_is_denied(address):
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert denied(address)


@given(st.ip_addresses(v=4))
def test_no_way_to_carry_an_ipv4_address_is_open(address: IPv4Address):
    """Mapped, translated, compatible, NAT64, 6to4, Teredo: whatever is inside, the outside is refused."""
    inside = int(address)
    carriers = [0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, 0x2002 << 112 | inside << 80, 0x20010000 << 96]
    assert all(denied(IPv6Address(carrier | inside)) for carrier in carriers)


def test_oracles_metadata_address_is_denied_although_some_pythons_call_it_global():
    assert denied(ip_address("192.0.0.192")) == "a cloud's metadata service"


def test_only_strict_forms_are_addresses():
    strict = ["127.0.0.1", "::1"]
    loose = ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "fe80::1%lo", "①.1.1.1", "", "1.2.3.4 "]
    assert [parsed(text) is not None for text in strict + loose] == [True] * 2 + [False] * 8


def test_a_mapped_address_is_not_the_address_it_carries():
    allow = (ip_network("127.0.0.0/8"),)
    assert named(ip_address("127.0.0.1"), allow)
    assert not named(ip_address("::ffff:127.0.0.1"), allow)
    assert not named(ip_address("128.0.0.1"), allow)


def test_a_list_of_networks_is_read_strictly():
    assert networks(" 127.0.0.1, 10.0.0.0/8,,fd00::/8") == tuple(
        map(ip_network, ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"])
    )
    assert networks("") == ()
    for slip in ["10.1.0.0/8", "localhost", "10.0.0.0/33", "*"]:
        with pytest.raises(ValueError, match=slip.partition("/")[0].replace("*", r"\*")):
            networks(slip)
