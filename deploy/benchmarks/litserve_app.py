"""The starter's text tower behind LitServe; started by ``deploy/bench server`` alone.

``python -m deploy.benchmarks.litserve_app PORT THREADS``. LitServe has no unix socket, so it
listens on loopback. Bodies are JSON, which it parses itself; vectors go back as base64 of float32.
"""

import base64
import os
import sys
from typing import Any

import numpy as np

# It is no requirement of the appliance; our own packages come first. Its worker processes import
# this module again.
sys.path.append(os.environ["VITRINE_LITSERVE"])
import litserve  # type: ignore[import-not-found,unused-ignore]  # see above

# Requests in one batch: of the benchmark's ingestion, twice the items of one of our text batches.
MAX_REQUESTS = 4
# With zero its loop spins on an empty queue, so the smallest step of its clock is given.
BATCH_TIMEOUT_SECONDS = 0.001


class Api(litserve.LitAPI):  # type: ignore[misc,unused-ignore]  # see above
    """Texts in, vectors and the mean size of the batches so far out."""

    def setup(self, device: str) -> None:
        """Load the whole bundle, as our server does."""
        import torch

        from retrieval.encoders import bundle
        from retrieval.encoders.registry import load_bundle

        torch.set_num_threads(int(sys.argv[2]))
        self.towers = load_bundle(bundle.BUILTIN).towers
        self.batches = self.items = 0

    def decode_request(self, request: dict[str, Any]) -> list[str]:
        """The texts."""
        return [str(text) for text in request["texts"]]

    def batch(self, inputs: list[list[str]]) -> list[list[str]]:
        """Requests as they are."""
        return inputs

    def predict(self, requests: list[list[str]]) -> list[tuple[Any, float]]:
        """All texts of these requests in one forward pass."""
        rows = self.towers["text"].encode([text for texts in requests for text in texts])
        self.batches += 1
        self.items += len(rows)
        ends = np.cumsum([len(texts) for texts in requests])
        return [(part, self.items / self.batches) for part in np.split(rows, ends[:-1])]

    def unbatch(self, output: list[tuple[Any, float]]) -> list[tuple[Any, float]]:
        """One a request."""
        return output

    def encode_response(self, output: tuple[Any, float]) -> dict[str, Any]:
        """JSON."""
        rows, fill = output
        return {"rows": base64.b64encode(rows.tobytes()).decode(), "fill": fill}


if __name__ == "__main__":
    litserve.LitServer(
        Api(max_batch_size=MAX_REQUESTS, batch_timeout=BATCH_TIMEOUT_SECONDS),
        accelerator="cpu",
        timeout=300,
    ).run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
