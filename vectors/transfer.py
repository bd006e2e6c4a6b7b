"""Copies between the host and a CUDA device that make neither wait for the other.

In: tensors. Out: tensors on the other side. A copy to the host is there once `finished` says so;
other devices copy as they always do. Knows nothing about texts or models.
"""

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A host tensor on a device. Memory that is not pinned would wait for all asked before."""
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def to_host(tensor: Tensor) -> Tensor:
    """In pinned memory if it comes from a CUDA device: not to be read before it is finished."""
    return tensor.to("cpu", non_blocking=tensor.device.type == "cuda")


class Finished:
    """Everything the device was asked for until now."""

    def __init__(self, device: torch.device) -> None:
        self.event: torch.cuda.Event | None = None
        if device.type == "cuda":
            self.event = torch.cuda.Event(blocking=True)
            self.event.record(torch.cuda.current_stream(device))

    def wait(self) -> None:
        """Until it is done; at once where the device is the host."""
        if self.event is not None:
            self.event.synchronize()
