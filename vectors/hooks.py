"""Reading and changing the residual stream by plain forward hooks on the model's blocks.

In: a LanguageModel and one function per layer. Out: context managers that leave the model exactly
as it was, whatever happens inside. Layer l is the residual stream after block l
(`blocks.l.hook_resid_post`). Knows nothing about tokens, pooling or vectors.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from .models import LanguageModel

# Gets the block's output h [batch pos d_model] and the layer; returns a replacement or None.
ResidualFunction = Callable[[Tensor, int], Tensor | None]


class _Stopped(BaseException):
    """Ends a forward pass after the last block that is wanted."""


@contextmanager
def residual_hooks(
    model: "LanguageModel", functions: Mapping[int, ResidualFunction]
) -> Iterator[None]:
    """Call `functions[layer](h, layer)` after each named block while the context is open.

    h is the residual stream Float[Tensor, "batch pos d_model"] in the block's own dtype and on its
    own device. A returned Tensor replaces it (cast it to h's dtype and device yourself). Raises
    LayerError for a layer outside the model, before anything is registered.
    """
    layers = model.layers(list(functions))
    with ExitStack() as stack:
        for layer in layers:
            hook = _block_hook(functions[layer], layer)
            stack.callback(model.blocks[layer].register_forward_hook(hook).remove)
        yield


def _block_hook(function: ResidualFunction, layer: int) -> Callable[[nn.Module, Any, Any], Any]:
    """A forward hook around `function`; blocks return a tensor, in older versions a tuple."""

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        is_tuple = isinstance(output, tuple)
        changed = function(output[0] if is_tuple else output, layer)
        if changed is None:
            return None
        return (changed, *output[1:]) if is_tuple else changed

    return hook


@contextmanager
def stop_after(model: "LanguageModel", layer: int) -> Iterator[None]:
    """End the forward pass inside the context right after block `layer`.

    The call that is cut short returns nothing: open this context around that call alone, and last
    (inside `residual_hooks`), so that the other hooks of the same block still run.
    """
    (layer,) = model.layers([layer])

    def hook(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        raise _Stopped

    handle = model.blocks[layer].register_forward_hook(hook)
    try:
        yield
    except _Stopped:
        pass
    finally:
        handle.remove()
