from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class NodeArg:
    name: str
    type: str

class SessionOptions:
    intra_op_num_threads: int
    log_severity_level: int
    enable_mem_pattern: bool
    def add_session_config_entry(self, key: str, value: str) -> None: ...

class InferenceSession:
    def __init__(
        self, path: str, sess_options: SessionOptions, providers: Sequence[str], disabled_optimizers: Sequence[str]
    ) -> None: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
    def get_providers(self) -> list[str]: ...
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[np.generic]]: ...

def get_available_providers() -> list[str]: ...
