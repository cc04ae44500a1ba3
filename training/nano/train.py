"""Train nano or, with `--network contours`, the network of contours.

    python -m training.nano.train --run RUN --data DATA

starts, or goes on where RUN stopped. A branch begins where another run's checkpoint stands:

    python -m training.nano.train --run NEW --data DATA --from RUN/checkpoint.pt --size 128
    python -m training.nano.train --run NEW --data DATA --from RUN/checkpoint.pt --cooldown 6000

the first with crops of another size, the second to a finished network: its learning rate falls to zero. Where there is
no checkpoint, averaged weights will do, such as `training.nano.restore` makes of an exported network; the optimizer
then warms up anew:

    python -m training.nano.train --run NEW --data DATA --weights weights.pt

RUN holds checkpoint.pt (everything; written every few minutes and on SIGTERM), log.txt and averaged weights, also in
half precision (weights-half.pt) to keep.
DATA is the folder made by `training.nano.art`; without art.npz in it, scenes have no drawings.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from training.nano import guard


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=("nano", "contours"), default="nano", help="which of the two to train")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="stop after this many steps in all")
    parser.add_argument("--seed", type=int, default=1, help="of a new run")
    parser.add_argument(
        "--size", type=int, help="crop side of a new run or a branch; 128 if not given (smaller crops train faster)"
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate of a new run")
    parser.add_argument("--bfloat16", action="store_true", help="of a new run: for processors with AVX512_BF16 or AMX")
    parser.add_argument("--from", dest="source", type=Path, help="a checkpoint to branch off")
    parser.add_argument("--weights", type=Path, help="averaged weights that a new run begins with")
    parser.add_argument("--cooldown", type=int, help="let the rate fall to zero over this many steps, then stop")
    parser.add_argument("--workers", type=int, default=1, help="processes that make data: 0, 1, 2, 4, 8 or 16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=5, help="between checkpoints")
    return parser.parse_args()


def main() -> None:
    """Start or resume a run."""
    guard.forbid_evaluation_data()
    options = arguments()
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # on shared cores, threads that spin while waiting halve the speed
    import torch

    from training.nano.contours import ContoursTrainer
    from training.nano.trainer import Trainer, cooled, train

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    checkpoint, kind = options.run / "checkpoint.pt", {"nano": Trainer, "contours": ContoursTrainer}[options.network]
    if checkpoint.exists():
        trainer = kind.load(checkpoint)
    elif options.source:
        trainer = kind.load(options.source)
        if options.size:
            trainer.config = replace(trainer.config, stream=replace(trainer.config.stream, size=options.size))
    else:
        config = kind.default()
        stream = replace(config.stream, seed=options.seed, size=options.size or config.stream.size)
        config = replace(config, stream=stream, rate=options.rate, bfloat16=options.bfloat16)
        trainer = kind.begin(options.weights, config) if options.weights else kind(config)
    if options.cooldown and not checkpoint.exists():
        trainer.config = cooled(trainer.config, trainer.step, options.cooldown)
    print(f"from step {trainer.step}: {trainer.config}", flush=True)
    train(trainer, options.run, options.data, steps=options.steps, workers=options.workers, minutes=options.minutes)


if __name__ == "__main__":
    main()
