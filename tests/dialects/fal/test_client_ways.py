"""The vendor's clients, used in ways that no case names: all at once, aborted, streamed, with odd files and ids."""

import pytest
from tests.dialects.fal.calls import held_up
from tests.dialects.fal.test_client import environment, node, python, running  # noqa: F401 - fixtures


def test_eight_subscriptions_at_once_with_the_npm_client(node):  # noqa: F811
    told = node("""
      const input = { image_url: uri, prompts: [{ x: "35", y: "45" }] };
      const one = () => fal.subscribe(IMAGE, { input, logs: true });
      say((await Promise.all([...Array(8)].map(one))).map((r) => r.data.image.file_size));
    """)
    assert len(set(told)) == 1


@pytest.mark.parametrize("mode", ["polling", "streaming"])
def test_a_status_is_followed_by_the_npm_client(node, mode):  # noqa: F811
    told = node(
        """
      const { request_id: requestId } = await fal.queue.submit(AUTO, { input: { image_url: uri } });
      const seen = [];
      const end = await fal.queue.subscribeToStatus(AUTO, { requestId, logs: true, pollInterval: 20,
        mode: process.env.MODE, onQueueUpdate: (update) => seen.push(update) });
      say([end.status, seen.at(-1).status, seen.at(-1).logs.length > 0]);
    """,
        MODE=mode,
    )
    assert told == ["COMPLETED", "COMPLETED", True]


def test_a_stream_of_statuses_is_read_event_by_event_by_the_npm_client(node):  # noqa: F811
    told = node("""
      const { request_id: requestId } = await fal.queue.submit(AUTO, { input: { image_url: uri } });
      const stream = await fal.queue.streamStatus(AUTO, { requestId, logs: true });
      const states = [];
      for await (const event of stream) states.push(event.status);
      say([states.at(-1), (await stream.done()).status]);
    """)
    assert told == ["COMPLETED", "COMPLETED"]


def test_an_aborted_call_of_the_npm_client_ends_there_and_the_server_goes_on(node, running):  # noqa: F811
    with held_up(running):
        told = node("""
          const gone = [];
          for (const ask of [fal.run, fal.subscribe]) {
            const leave = new AbortController();
            setTimeout(() => leave.abort(), 30);
            gone.push((await caught(ask(AUTO, { input: { image_url: uri }, abortSignal: leave.signal }))).name);
          }
          say(gone);
        """)
    assert told == ["AbortError", "AbortError"]
    assert len(node("say((await fal.run(AUTO, { input: { image_url: uri } })).requestId);")) == 36


def test_files_of_odd_names_and_types_come_back_as_they_went_with_the_npm_client(node):  # noqa: F811
    told = node("""
      const odd = [["a b+\\u00fc\\u4e2d.png", "image/png"], ["noext", ""], ["x.tar.gz", "application/x-a; charset=b"],
        ["../../etc/passwd", "text/html"], ["q\\"uo%te.svg", "image/svg+xml"], ["e.png", "image/png", true]];
      const found = [];
      for (const [name, type, empty] of odd) {
        const sent = empty ? Buffer.alloc(0) : bytes;
        const back = await fetch(await fal.storage.upload(new File([sent], name, { type })));
        const same = Buffer.from(await back.arrayBuffer()).equals(sent);
        found.push([back.status, same, back.headers.get("content-disposition").split(";")[0]]);
      }
      say(found);
    """)
    assert [one[:2] for one in told] == [[200, True]] * 6
    assert [one[2] for one in told] == ["inline", "attachment", "attachment", "attachment", "attachment", "inline"]


def test_an_id_that_is_a_path_is_no_request_for_the_npm_client(node):  # noqa: F811
    told = node("""
      const requestId = "abc/def?x";
      say([await caught(fal.queue.status(AUTO, { requestId })), await caught(fal.queue.result(AUTO, { requestId })),
           await caught(fal.queue.cancel(AUTO, { requestId }))]);
    """)
    assert [(one["status"], one["body"]["status"]) for one in told] == [(404, "NOT_FOUND")] * 3


def test_handles_and_events_with_the_python_client(python):  # noqa: F811
    told = python("""
handle = fal_client.submit(AUTO, {"image_url": uri})
events = [type(event).__name__ for event in handle.iter_events(with_logs=True, interval=0.02)]
again = fal_client.sync_client.get_handle(AUTO, handle.request_id)
print(json.dumps([events[-1], again.get() == handle.get()]))
""")
    assert told == ["Completed", True]


def test_a_request_is_cancelled_by_the_python_client(python, running):  # noqa: F811
    with held_up(running):
        told = python("""
handle = fal_client.submit(AUTO, {"image_url": uri})
handle.cancel()
try:
    handle.get()
except fal_client.FalClientHTTPError as error:
    print(json.dumps([error.status_code, error.error_type]))
""")
    assert told == [499, "client_cancelled"]


def test_the_asynchronous_python_client_subscribes_uploads_and_is_cancelled(python):  # noqa: F811
    told = python("""
import asyncio
async def main():
    client = fal_client.AsyncClient()
    one = {"image_url": uri, "prompts": [{"x": 35, "y": 45}]}
    sizes = [r["image"]["file_size"] for r in await asyncio.gather(*(client.subscribe(IMAGE, one) for _ in range(5)))]
    url = await client.upload(b"some text", "text/plain", "a.txt")
    left = asyncio.create_task(client.run(AUTO, {"image_url": uri}))
    await asyncio.sleep(0.05)
    left.cancel()
    last = (await client.run(IMAGE, one))["image"]["file_size"]
    print(json.dumps([len(set(sizes)), url.endswith("/a.txt"), last == sizes[0]]))
asyncio.run(main())
""")
    assert told == [1, True, True]
