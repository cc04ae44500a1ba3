"""DBOS, and all that is known of it: it remembers which durable runs were begun and not ended, and begins them again.

Import this file only where jobs are run: it takes a second. DBOS is one per process, so is what happens here.

Guards, each for a trap that was measured: an engine of our own (as shipped, SQLite is 20 to 30 times slower); JSON, not
pickle; an executor id that is the node's name (as shipped one fixed word, so a second process begins anew what the
first is doing); the version of our records as the application's version (as shipped a hash of the code, so an upgrade
strands what was under way); one queue, for runs adopted from a dead node.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from dbos import DBOS, Serializer, SetWorkflowID

SCHEMA_VERSION = "1"  # of what our durable runs do; a new number leaves runs of the old one to nodes of the old one
ADOPTED = "adopted"
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
Body = Callable[[str], None]


class JsonSerializer(Serializer):
    """What DBOS keeps, as JSON."""

    def serialize(self, data: object) -> str:
        """`data` as JSON; an exception as its words."""
        return json.dumps(data, default=repr)

    def deserialize(self, serialized_data: str) -> object:
        """The other way round."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """What DBOS writes beside it."""
        return "rubylith_json"


@dataclass(slots=True)
class _Bodies:
    run: Body | None = None
    deliver: Body | None = None


_bodies = _Bodies()


@DBOS.workflow(name="run", max_recovery_attempts=None)
def _run() -> None:
    assert DBOS.workflow_id
    assert _bodies.run
    _bodies.run(DBOS.workflow_id)


@DBOS.workflow(name="deliver", max_recovery_attempts=None)
def _deliver() -> None:
    assert DBOS.workflow_id
    assert _bodies.deliver
    _bodies.deliver(DBOS.workflow_id)


def launch(engine: sa.Engine, *, node: str, run: Body, deliver: Body, adopted_at_once: int) -> None:
    """Start DBOS on this engine. What this node had under way when it died is begun again, at once, in other threads.

    run, deliver: called with the id of the durable run, in a thread of its own; must come to an end by themselves.
    """
    _bodies.run, _bodies.deliver = run, deliver
    DBOS(
        config={
            "name": "rubylith",
            "system_database_url": engine.url.render_as_string(hide_password=False),
            "system_database_engine": engine,
            "serializer": JsonSerializer(),
            "executor_id": node,
            "application_version": SCHEMA_VERSION,
            "use_listen_notify": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    DBOS.register_queue(
        ADOPTED, worker_concurrency=adopted_at_once, polling_interval_sec=1.0, on_conflict="always_update"
    )


def start_run(workflow: str) -> None:
    """Begin a durable run of `run` under this id, now, in another thread."""
    with SetWorkflowID(workflow):
        DBOS.start_workflow(_run)


def start_delivery(workflow: str) -> None:
    """Begin a durable run of `deliver` under this id, now, in another thread."""
    with SetWorkflowID(workflow):
        DBOS.start_workflow(_deliver)


def under_way(node: str) -> tuple[str, ...]:
    """Durable runs that this node began and did not end."""
    found = DBOS.list_workflows(status="PENDING", executor_id=[node], load_input=False, load_output=False)
    return tuple(workflow.workflow_id for workflow in found)


def ended(workflows: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these durable runs that will never go on: ended, or not known at all."""
    if not workflows:
        return ()
    found = DBOS.list_workflows(workflow_ids=list(workflows), load_input=False, load_output=False)
    alive = {workflow.workflow_id for workflow in found if workflow.status not in ENDED}
    return tuple(workflow for workflow in workflows if workflow not in alive)


def adopt(workflows: tuple[str, ...]) -> None:
    """Go on with these durable runs here or on another live node. DBOS does not ask whether they run already."""
    if workflows:
        DBOS.resume_workflows(list(workflows), queue_name=ADOPTED)


def forget(*, before: str, limit: int) -> int:
    """Delete what DBOS keeps of durable runs that ended and began before this ISO time; how many there were."""
    found = DBOS.list_workflows(status=list(ENDED), end_time=before, limit=limit, load_input=False, load_output=False)
    if found:
        DBOS.delete_workflows([workflow.workflow_id for workflow in found])
    return len(found)


def shut_down() -> None:
    """Stop DBOS. Runs that have not ended by now go on at the next start."""
    DBOS.destroy()
    _bodies.run = _bodies.deliver = None
