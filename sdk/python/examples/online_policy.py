"""The policy of Ascend's sample of online inference, on Midstream: load a checkpoint, take new
weights as pairs of key and value, answer images with labels, unload. From the repository's top:

    python3 sdk/python/examples/online_policy.py [FOLDER with the digits, tests/data/digits]
"""

import sys
import time

import midstream
import numpy as np


class OnlinePolicy:
    """Answers while its weights are replaced; any thread may call any method."""

    def __init__(self, checkpoint: str) -> None:
        self.engine = midstream.Engine()
        self.model = self.engine.load(checkpoint)
        self.session = self.model.session(["Placeholder"], ["accuracy/ArgMax"])

    def update_weights(self, weights: dict[str, np.ndarray]) -> int:
        """All of them become one version, or none does."""
        with self.model.update() as update:
            for name, value in weights.items():
                update.assign(name, value)
        return update.version

    def infer(self, image: np.ndarray) -> np.ndarray:
        """Labels of images[n, 784]."""
        return self.session.run(Placeholder=image)["accuracy/ArgMax"]

    def unload(self) -> None:
        self.engine.close()


def trained_weights(policy: OnlinePolicy, checkpoint: str) -> dict[str, np.ndarray]:
    """What a trainer would send."""
    with policy.engine.load(policy.model.path, weights=checkpoint) as trainer:
        return {spec.name: trainer.read(spec.name) for spec in trainer.weights}


def main(digits: str) -> None:
    prefix = f"{digits}/mnist_deep_model.ckpt-"
    images, labels = np.load(f"{digits}/eval_images.npy"), np.load(f"{digits}/eval_labels.npy")
    policy = OnlinePolicy(prefix + "0")
    for step in (25, 50, 75, 100, 150, 200, 300, 500, 1000, 4000):
        weights = trained_weights(policy, prefix + str(step))
        begin = time.perf_counter()
        version = policy.update_weights(weights)
        updated = time.perf_counter()
        for _ in range(20):
            answers = policy.infer(images)
        inferred = time.perf_counter()
        print(
            f"version {version:2}: update {(updated - begin) * 1e3:7.3f} ms, "
            f"inference {(inferred - updated) / 20 * 1e3:7.3f} ms, "
            f"accuracy {(answers == labels).mean():7.2%}"
        )
    policy.unload()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/data/digits")
