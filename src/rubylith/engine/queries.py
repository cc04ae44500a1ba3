"""Files of a universal model → its one network: pixels in, for each query logits of names and of a mask out."""

from rubylith.engine.graphs import Part, open_graph
from rubylith.engine.models import Weights
from rubylith.engine.runtimes import Device, Network

NETWORK = "network"  # the graph's name in a folder of our export


def open_queries(weights: Weights, device: Device) -> Network:
    """The network, ready, in fp32 or not at all; WeightsMissing or ModelFailed if its files are not."""
    if weights.needs_torch:
        from rubylith.engine.runtimes.torch import open_whole  # noqa: PLC0415  the core has no PyTorch

        return open_whole(weights.folder, weights.input_size, device)
    return open_graph(weights.folder, NETWORK, Part.WHOLE, device)
