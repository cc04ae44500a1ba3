"""Which IP addresses may be reached: public ones, and those the operator names. A table of our own.

`ipaddress.is_global` is not enough: Python before 3.11.10 and 3.12.4 calls 192.0.0.192, a cloud's metadata address,
public (CVE-2024-4032). Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and later),
the multicast and reserved blocks, and addresses at which clouds keep the credentials of their machines.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE, SPECIAL = "a private network", "a block for special purposes"
METADATA, CARRIED = "a cloud's metadata service", "IPv6 that carries an IPv4 address"

# The first block that holds an address gives the reason, so the narrow ones come first.
DENIED: tuple[tuple[str, str], ...] = (
    ("168.63.129.16/32", METADATA),  # Azure's host
    ("169.254.169.254/32", METADATA),
    ("169.254.170.2/32", METADATA),  # AWS containers
    ("100.100.100.200/32", METADATA),  # Alibaba
    ("192.0.0.192/32", METADATA),  # Oracle
    ("fd00:ec2::254/128", METADATA),  # AWS
    ("fd20:ce::254/128", METADATA),  # Google
    ("0.0.0.0/8", "this machine"),
    ("10.0.0.0/8", PRIVATE),
    ("100.64.0.0/10", "a carrier's shared network"),
    ("127.0.0.0/8", "this machine"),
    ("169.254.0.0/16", "the local link"),
    ("172.16.0.0/12", PRIVATE),
    ("192.0.0.0/24", SPECIAL),  # IETF protocol assignments
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", SPECIAL),  # AS112
    ("192.52.193.0/24", SPECIAL),  # AMT
    ("192.88.99.0/24", SPECIAL),  # 6to4 relays
    ("192.168.0.0/16", PRIVATE),
    ("192.175.48.0/24", SPECIAL),  # AS112
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),  # with 255.255.255.255
    ("::1/128", "this machine"),
    ("::/128", "this machine"),
    ("::ffff:0:0/96", CARRIED),  # mapped
    ("::ffff:0:0:0/96", CARRIED),  # translated
    ("::/96", CARRIED),  # compatible, deprecated
    ("64:ff9b::/96", CARRIED),  # NAT64
    ("64:ff9b:1::/48", CARRIED),  # NAT64, local use
    ("100::/64", SPECIAL),  # discard only
    ("100:0:0:1::/64", SPECIAL),  # dummy prefix
    ("2001::/32", CARRIED),  # Teredo
    ("2001::/23", SPECIAL),  # IETF protocol assignments: ORCHID, benchmarking, AMT, AS112, drones
    ("2001:db8::/32", "documentation"),
    ("2002::/16", CARRIED),  # 6to4
    ("2620:4f:8000::/48", SPECIAL),  # AS112
    ("3fff::/20", "documentation"),
    ("5f00::/16", SPECIAL),  # segment routing
    ("fc00::/7", PRIVATE),
    ("fe80::/10", "the local link"),
    ("fec0::/10", PRIVATE),  # site-local, deprecated
    ("ff00::/8", "multicast"),
)
_DENIED = tuple((ip_network(block), reason) for block, reason in DENIED)
_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is handed out for the public net


def parsed(text: str) -> Address | None:
    """The address, in its one strict form; None if it is not one. A zone (`fe80::1%eth0`) makes it none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def networks(text: str) -> tuple[Network, ...]:
    """The networks of a list such as `10.0.0.0/8, 127.0.0.1, fd00::/8`; ValueError, which names the one that is none.

    A network is written with its first address: `10.1.0.0/8` is taken for a slip, not for `10.0.0.0/8`.
    """
    return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())


def named(address: Address, allow: tuple[Network, ...]) -> bool:
    """True if the operator's list names it. A mapped address is not the IPv4 address it carries."""
    return any(address in network for network in allow if network.version == address.version)


def denied(address: Address) -> str | None:
    """Why it may not be reached, in a few words; None for a public address."""
    for network, reason in _DENIED:
        if network.version == address.version and address in network:
            return reason
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return "reserved"
    return None
