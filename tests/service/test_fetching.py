import datetime
import itertools
import ssl
import time
from ipaddress import ip_network

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.servers import Reply, http_site, raw_site

from rubylith.domain.errors import RubylithError, SourceUnreachable, TimedOut, TooLarge, UnsafeAddress
from rubylith.service.fetching import Fetcher

LOOPBACK = (ip_network("127.0.0.0/8"),)
PATIENCE = 60  # seconds, where time is not what is tested: a busy machine may be slow

# Answers of a resolver that an attacker may have had a hand in.
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "inside.example": ["10.0.0.5"],
    "half.example": ["93.184.216.34", "192.168.0.10"],
    "six.example": ["2606:4700:4700::1111", "fd00::1"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "zone.example": ["fe80::1%eth0"],
    "odd.example": ["0x7f000001"],
    "metadata.google.internal": ["169.254.169.254"],
    "public.example": ["93.184.216.34"],
}
HOSTILE = [
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://1.2.3.0x04/",
    "http://example.0x7f/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::808:808]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25lo]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
    "http://[4000::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://192.0.0.192/opc/v2/instance/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/machine",
    "http://100.64.0.1/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://inside.example/",
    "http://half.example/",
    "http://six.example/",
    "http://mapped.example/",
    "http://zone.example/",
    "http://odd.example/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127。0。0。1/",
    "http://%31%32%37.0.0.1/",
    "http://user:hunter2@public.example/",
    "http://user@public.example/",
    "http://@public.example/",
    "http://public.example:80@127.0.0.1/",
    "http://public.example\\@127.0.0.1/",
    "http://127.0.0.1\t/",
    "http://public.example/\r\nX-Injected: 1",
    "http://public.example:22/",
    "http://public.example:8080/",
    "https://public.example:80/",
    "http://public.example:0/",
    "http://public.example:99999/",
    "http://8.8.8.8:6379/",
    "file:///etc/passwd",
    "ftp://public.example/",
    "gopher://127.0.0.1:70/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "//public.example/",
    "http:///etc/passwd",
    "http://",
    "http:public.example",
    "",
    "http://a..b/",
    "http://-/",
    "http://exa mple.com/",
    "http://exa mple.com/a b",
    "http://127.0.0.1 /",
    "http:// public.example/",
    "http://public.example /",
    "http://public.example:8080 /",
    "http://public.example@127.0.0.1 /",
    "http ://public.example/",
    "http://[::1/",
    "http://public.example/" + "a" * 9000,
]


class Recorder(httpcore2.NetworkBackend):
    """Opens real sockets, or sends everything to one port of this machine, and keeps a list."""

    def __init__(self, port=None):
        self.connections = []
        self.port = port
        self.real = httpcore2.SyncBackend()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.connections.append((host, port))
        if self.port is not None:
            host, port = "127.0.0.1", self.port
        return self.real.connect_tcp(host, port, timeout, local_address, socket_options)


def resolver(names):
    def resolve(host, port):
        if host not in names:
            raise OSError(host)
        return names[host]

    return resolve


@pytest.mark.parametrize("url", HOSTILE)
def test_nothing_is_connected_to_for_a_hostile_url(url):
    """The same guard stands before pictures, webhooks and the check at submission."""
    recorder = Recorder()
    fetcher = Fetcher(resolve=resolver(NAMES), backend=recorder)
    with pytest.raises(UnsafeAddress) as fetched:
        fetcher.get(url, max_bytes=100, seconds=PATIENCE)
    with pytest.raises(UnsafeAddress):
        fetcher.post(url, b"{}", {}, max_bytes=100, seconds=PATIENCE)
    with pytest.raises(UnsafeAddress):
        fetcher.check(url)
    assert recorder.connections == []
    assert "hunter2" not in str(fetched.value)


def test_there_are_at_least_forty_hostile_urls():
    assert len(set(HOSTILE)) >= 40


def test_an_error_names_the_host_and_the_reason_but_not_the_address():
    with pytest.raises(UnsafeAddress) as caught:
        Fetcher(resolve=resolver(NAMES)).get("http://inside.example/secret?token=1", max_bytes=1, seconds=PATIENCE)
    assert "'inside.example'" in caught.value.message
    assert "a private network" in caught.value.message
    assert "10.0.0.5" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_host_is_looked_up_once_and_the_checked_address_is_used():
    """DNS that answers public first and private after gains nothing."""
    answers = itertools.chain([["93.184.216.34"]], itertools.repeat(["127.0.0.1"]))
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return next(answers)

    with http_site(lambda _: Reply(body=b"picture")) as site:
        recorder = Recorder(port=site.port)
        fetcher = Fetcher(resolve=rebinding, backend=recorder)
        assert fetcher.get("http://rebind.example/", max_bytes=100, seconds=PATIENCE).body == b"picture"
        assert asked == ["rebind.example"]
        assert recorder.connections == [("93.184.216.34", 80)]
        with pytest.raises(UnsafeAddress):
            fetcher.get("http://rebind.example/", max_bytes=100, seconds=PATIENCE)
    assert len(recorder.connections) == 1


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://inside.example/", "//169.254.169.254/", "file:///etc/passwd", "http://[::1]/"],
)
def test_a_redirect_into_private_space_is_not_followed(location):
    with http_site(lambda _: Reply(302, {"Location": location})) as site:
        recorder = Recorder(port=site.port)
        with pytest.raises(UnsafeAddress):
            Fetcher(resolve=resolver(NAMES), backend=recorder).get(
                "http://public.example/", max_bytes=9, seconds=PATIENCE
            )
    assert recorder.connections == [("93.184.216.34", 80)]


def test_the_same_name_is_checked_again_on_a_redirect():
    answers = itertools.chain([["93.184.216.34"]], itertools.repeat(["127.0.0.1"]))
    with http_site(lambda _: Reply(302, {"Location": "/next"})) as site:
        recorder = Recorder(port=site.port)
        with pytest.raises(UnsafeAddress):
            Fetcher(resolve=lambda *_: next(answers), backend=recorder).get(
                "http://a.example/", max_bytes=9, seconds=PATIENCE
            )
    assert len(recorder.connections) == 1


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/my photo (1).jpg?for=a b", "/my%20photo%20(1).jpg?for=a%20b"),
        ("/my%20photo.jpg?a=b+c", "/my%20photo.jpg?a=b+c"),
        ("/höhe 中.jpg", "/h%C3%B6he%20%E4%B8%AD.jpg"),
        ("/a.jpg \n", "/a.jpg"),
    ],
)
def test_spaces_and_foreign_letters_are_sent_as_browsers_send_them(written, asked):
    with http_site(
        lambda received: Reply(302, {"Location": "/the end"}) if "end" not in received.path else Reply()
    ) as site:
        Fetcher(LOOPBACK).get(site.url(written), max_bytes=9, seconds=PATIENCE)
    assert [received.path for received in site.received] == [asked, "/the%20end"]


SPACED = ["http://127.0.0.1:{}{}/", "http://127.0.0.1{}:{}/", "http://127.0.0.1:{1}{0}?a"]


@pytest.mark.parametrize("space", [" ", "\u2003", "\xa0"])
@pytest.mark.parametrize("written", SPACED)
def test_white_space_in_host_or_port_is_refused(written, space):
    with http_site(lambda _: Reply()) as site:
        url = written.format(space, site.url().split(":")[2].strip("/"))
        with pytest.raises(UnsafeAddress):
            Fetcher(LOOPBACK).get(url, max_bytes=9, seconds=PATIENCE)
    assert site.received == []


@pytest.mark.parametrize("written", [*SPACED, "//127.0.0.1:{}{}/"])
def test_white_space_in_host_or_port_is_refused_where_a_redirect_leads(written):
    def lead(received):
        return Reply(302, {"Location": written.format(" ", port)}) if received.path == "/first" else Reply()

    with http_site(lead) as site:
        port = site.url().split(":")[2].strip("/")
        with pytest.raises(UnsafeAddress):
            Fetcher(LOOPBACK).get(site.url("/first"), max_bytes=9, seconds=PATIENCE)
    assert [received.path for received in site.received] == ["/first"]


def test_three_redirects_are_followed_and_a_fourth_is_not():
    def hop(received):
        left = int(received.path[1:])
        return Reply(302, {"Location": f"/{left - 1}"}) if left else Reply(body=b"here")

    with http_site(hop) as site:
        fetcher = Fetcher(LOOPBACK)
        answer = fetcher.get(site.url("/3"), max_bytes=9, seconds=PATIENCE)
        assert (answer.body, answer.url) == (b"here", site.url("/0"))
        with pytest.raises(SourceUnreachable):
            fetcher.get(site.url("/4"), max_bytes=9, seconds=PATIENCE)


def test_the_allow_list_opens_exactly_what_it_names():
    with http_site(lambda _: Reply(body=b"picture", headers={"Content-Type": "image/PNG; a=b"})) as site:
        recorder = Recorder()
        fetcher = Fetcher((ip_network("127.0.0.1/32"),), resolve=resolver(NAMES), backend=recorder)
        answer = fetcher.get(site.url(), max_bytes=100, seconds=PATIENCE)
        assert (answer.body, answer.media_type) == (b"picture", "image/png")
        for host in ["127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "localhost", "2130706433"]:
            with pytest.raises(UnsafeAddress):
                fetcher.get(site.url(host=host), max_bytes=100, seconds=PATIENCE)
    assert recorder.connections == [("127.0.0.1", site.port)]


def test_a_host_with_one_allowed_and_one_public_address_keeps_to_the_usual_ports():
    names = {"both.example": ["127.0.0.1", "93.184.216.34"]}
    recorder = Recorder()
    with pytest.raises(UnsafeAddress):
        Fetcher(LOOPBACK, resolve=resolver(names), backend=recorder).get(
            "http://both.example:8080/", max_bytes=9, seconds=1
        )
    assert recorder.connections == []


def test_the_next_address_is_tried_when_the_first_does_not_answer():
    with http_site(lambda _: Reply(body=b"picture")) as site:
        names = {"two.example": ["127.0.0.2", "127.0.0.1"]}  # the server listens on the second only
        fetcher = Fetcher(LOOPBACK, resolve=resolver(names))
        assert fetcher.get(site.url(host="two.example"), max_bytes=9, seconds=PATIENCE).body == b"picture"
        assert site.received[0].headers["host"] == f"two.example:{site.port}"


def test_a_server_that_drips_hits_the_deadline():
    start = time.monotonic()

    def drip(connection, over):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(0.05) and time.monotonic() < start + 4:
            connection.sendall(b"x")

    with raw_site(drip) as site:
        with pytest.raises(TimedOut):
            Fetcher(LOOPBACK).get(site.url(), max_bytes=10_000, seconds=0.5)
        assert 0.4 < time.monotonic() - start < 4


def test_headers_that_drip_hit_the_deadline():
    start = time.monotonic()

    def drip(connection, over):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.05) and time.monotonic() < start + 4:
            connection.sendall(b"x")

    with raw_site(drip) as site, pytest.raises(TimedOut):
        Fetcher(LOOPBACK).post(site.url(), b"{}", {}, max_bytes=10, seconds=0.5)


def test_a_resolver_that_hangs_hits_the_deadline():
    def hang(host, port):
        time.sleep(20)
        return ["93.184.216.34"]

    start = time.monotonic()
    with pytest.raises(TimedOut):
        Fetcher(resolve=hang).get("http://slow.example/", max_bytes=9, seconds=0.3)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_is_stopped_while_it_streams(announced):
    sent = []

    def pour(connection, over):
        connection.recv(4096)
        length = b"Content-Length: 1000000000\r\n" if announced else b""
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while not over.is_set() and len(sent) < 2_000:
            connection.sendall(bytes(64 * 1024))
            sent.append(64 * 1024)

    with raw_site(pour) as site, pytest.raises(TooLarge):
        Fetcher(LOOPBACK).get(site.url(), max_bytes=1_000_000, seconds=PATIENCE)
    assert sum(sent) < 50_000_000  # what fits into the buffers of both sockets, not the file


def test_a_file_of_exactly_the_limit_is_taken():
    with http_site(lambda _: Reply(body=b"12345")) as site:
        assert Fetcher(LOOPBACK).get(site.url(), max_bytes=5, seconds=PATIENCE).body == b"12345"
        with pytest.raises(TooLarge):
            Fetcher(LOOPBACK).get(site.url(), max_bytes=4, seconds=PATIENCE)


@pytest.mark.parametrize("reply", [Reply(404), Reply(500), Reply(204), Reply(headers={"Content-Encoding": "gzip"})])
def test_anything_but_the_plain_file_is_an_error_that_names_the_host(reply):
    with http_site(lambda _: reply) as site, pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1"):
        Fetcher(LOOPBACK).get(site.url(), max_bytes=9, seconds=PATIENCE)


def test_a_server_that_speaks_no_http_is_an_error_of_ours():
    smtp = raw_site(lambda connection, _: connection.sendall(b"220 smtp ready\r\n"))
    with smtp as site, pytest.raises(SourceUnreachable):
        Fetcher(LOOPBACK).get(site.url(), max_bytes=9, seconds=PATIENCE)


def test_a_closed_port_and_an_unknown_host_are_unreachable():
    with raw_site(lambda *_: None) as site:
        pass
    with pytest.raises(SourceUnreachable):
        Fetcher(LOOPBACK).get(site.url(), max_bytes=9, seconds=PATIENCE)
    with pytest.raises(SourceUnreachable):
        Fetcher(resolve=resolver({})).get("http://nobody.example/", max_bytes=9, seconds=PATIENCE)


def test_a_url_whose_host_is_not_known_yet_passes_the_check():
    Fetcher(resolve=resolver({})).check("https://soon.example/hook")
    Fetcher(LOOPBACK, resolve=resolver({})).check("https://soon.example:8443/hook")  # it may be one of those


def test_a_port_that_no_public_host_is_reached_on_is_told_before_the_host_is_known():
    with pytest.raises(UnsafeAddress, match=r"'soon.example' may not be reached on port 8443") as caught:
        Fetcher(resolve=resolver({})).check("https://soon.example:8443/hook", encrypted=True)
    assert caught.value.hint == "Use 443 for https"


@pytest.mark.parametrize(("status", "wait"), [(404, 0), (403, 0), (410, 0), (429, 5), (408, 5), (500, 5), (503, 5)])
def test_a_refusal_says_whether_a_later_try_may_fare_better(status, wait):
    with http_site(lambda _: Reply(status)) as site, pytest.raises(SourceUnreachable) as caught:
        Fetcher(LOOPBACK).get(site.url(), max_bytes=9, seconds=PATIENCE)
    assert caught.value.retry_after_seconds == wait


@pytest.mark.parametrize("url", ["http://public.example/hook", "http://soon.example/hook"])
def test_what_must_be_encrypted_is_told_in_the_clear_to_named_networks_only(url):
    fetcher = Fetcher(LOOPBACK, resolve=resolver(NAMES))
    fetcher.check(url)
    with pytest.raises(UnsafeAddress, match="in the clear"):
        fetcher.check(url, encrypted=True)
    fetcher.check(url.replace("http:", "https:"), encrypted=True)
    fetcher.check("http://127.0.0.1:8080/hook", encrypted=True)


def test_no_proxy_is_taken_from_the_environment(monkeypatch):
    with http_site(lambda _: Reply(body=b"proxy")) as proxy, http_site(lambda _: Reply(body=b"direct")) as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert Fetcher(LOOPBACK).get(site.url(), max_bytes=9, seconds=PATIENCE).body == b"direct"
        assert proxy.received == []


def test_a_webhook_is_sent_with_its_headers_and_redirects_are_not_followed():
    with http_site(lambda _: Reply(307, {"Location": "/other"}, b"x" * 1000)) as site:
        answer = Fetcher(LOOPBACK).post(
            site.url("/hook?a=1"), b'{"a": 1}', {"Content-Type": "application/json"}, max_bytes=10, seconds=5
        )
    (received,) = site.received
    assert (answer.status, answer.body) == (307, b"x" * 10)
    assert (received.method, received.path, received.body) == ("POST", "/hook?a=1", b'{"a": 1}')
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == "8"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for pictures.example, and the contexts of a server that shows it and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pictures.example")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


def test_tls_checks_the_name_although_the_address_was_connected_to(certificate):
    server, client = certificate
    with http_site(lambda _: Reply(body=b"picture"), tls=server) as site:
        names = {"pictures.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
        fetcher = Fetcher(LOOPBACK, resolve=resolver(names), tls=client)
        url = site.url(host="pictures.example", scheme="https")
        assert fetcher.get(url, max_bytes=9, seconds=PATIENCE).body == b"picture"
        with pytest.raises(SourceUnreachable, match="certificate"):
            fetcher.get(site.url(host="other.example", scheme="https"), max_bytes=9, seconds=PATIENCE)
        with pytest.raises(SourceUnreachable, match="certificate"):
            Fetcher(LOOPBACK, resolve=resolver(names)).get(url, max_bytes=9, seconds=PATIENCE)


def test_every_error_is_one_of_ours():
    for url in ["http://nobody.example/", "http://127.0.0.1/"]:
        with pytest.raises(RubylithError):
            Fetcher(resolve=resolver({})).get(url, max_bytes=9, seconds=PATIENCE)
