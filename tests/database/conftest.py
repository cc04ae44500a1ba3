from contextlib import ExitStack

import pytest
from tests.databases import WITHOUT_POSTGRES, postgres, postgres_programs

from rubylith.database import keys, objects, webhook_secrets  # noqa: F401 - declare their tables
from rubylith.database.connection import METADATA, connect, create_tables


@pytest.fixture(scope="session")
def postgres_url():
    if postgres_programs() is None:
        pytest.skip(WITHOUT_POSTGRES)
    with ExitStack() as stack:
        yield stack.enter_context(postgres())


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/home/rubylith.db"
        return
    url = request.getfixturevalue("postgres_url")
    yield url
    engine = connect(url)
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture
def database(url):
    engine = connect(url)
    create_tables(engine)
    yield engine
    engine.dispose()
