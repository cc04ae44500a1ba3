import threading

import pytest
import sqlalchemy as sa

from rubylith.database.connection import SCHEMA, SCHEMA_VERSION, connect, create_tables, reading, writing
from rubylith.domain.errors import StorageFailed, UnknownName


def test_many_that_start_at_once_make_the_tables_once(url):
    """Each has an engine of its own, as processes have; their locks are the database's, not ours."""
    barrier, found = threading.Barrier(8), []

    def begin():
        engine = connect(url)
        barrier.wait(30)
        try:
            create_tables(engine)
            with reading(engine) as connection:
                found.append(connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalars().all())
        except Exception as error:  # noqa: BLE001 - the test shows it
            found.append(error)
        engine.dispose()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[SCHEMA]] * 8


def test_tables_of_another_version_are_refused(database):
    with writing(database) as connection:
        connection.execute(sa.update(SCHEMA_VERSION).values(version=999))
    with pytest.raises(StorageFailed, match="999"):
        create_tables(database)


def test_sqlite_is_set_up_to_be_quick_and_patient(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    with reading(engine) as connection:
        found = {
            name: connection.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30_000, "foreign_keys": 1}
    engine.dispose()


def test_writers_wait_for_each_other_and_lose_nothing(database):
    with writing(database) as connection:
        connection.execute(sa.update(SCHEMA_VERSION).values(version=0))

    def bump():
        for _ in range(20):
            with writing(database) as connection:
                connection.execute(sa.update(SCHEMA_VERSION).values(version=SCHEMA_VERSION.c.version + 1))

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(database) as connection:
        assert connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalar_one() == 80


def test_a_change_that_fails_half_way_leaves_nothing(database):
    def change():
        with writing(database) as connection:
            connection.execute(sa.update(SCHEMA_VERSION).values(version=5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    with reading(database) as connection:
        assert connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalar_one() == SCHEMA


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused_by_name(url):
    with pytest.raises(UnknownName):
        connect(url)


def test_a_database_that_is_not_there_is_one_of_our_errors_and_keeps_its_password():
    engine = connect("postgres://user:hunter2@127.0.0.1:1/name?connect_timeout=1")
    with pytest.raises(StorageFailed) as caught, reading(engine):
        pass
    assert "hunter2" not in str(caught.value) + repr(engine)
