"""A node of its own, as `python -m tests.jobs.worker URL NODE NOTES [LEASE]`; runs until killed or told to stop.

What it does is written to the file NOTES, a line each: time, node, what, the job's number, and for webhooks the job's
id and result. Orders say how long they take.
"""

import json
import os
import signal
import sys
import time

from rubylith.database.connection import connect
from rubylith.domain.job import Attempt, Outcome, Verdict
from rubylith.jobs import Rules
from rubylith.jobs.board import JobBoard
from rubylith.jobs.runner import JobRunner


def main(url, node, notes, lease="30"):
    """Run until SIGTERM; then finish what runs within two seconds, and hand back the rest."""

    def note(*words):
        line = json.dumps([time.time(), node, *words]) + "\n"
        file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)

    def work(assignment):
        request = assignment.job.request
        note("begin", request["n"])
        deadline = time.monotonic() + request["seconds"]
        while time.monotonic() < deadline:
            assignment.check()
            time.sleep(0.005)
        note("end", request["n"])
        return Outcome({"square": request["n"] ** 2})

    def notify(job):
        note("webhook", job.request["n"], job.id, job.state, job.result)
        return Attempt(Verdict.DELIVERED, "200")

    # Python's handler runs in this thread alone, and where another has met the signal, because it began a thread just
    # then, nothing wakes an Event that this one waits for. The byte in the pipe is written by whoever meets it.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(tell)
    rules = Rules(concurrency=4, poll=0.05, lease=float(lease))
    runner = JobRunner(JobBoard(connect(url)), node=node, work=work, notify=notify, forget=lambda _: None, rules=rules)
    runner.start()
    note("up")
    os.read(told, 1)
    idle = runner.stop(grace_seconds=2)
    note("down", idle)
    sys.stdout.flush()
    os._exit(0 if idle else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
