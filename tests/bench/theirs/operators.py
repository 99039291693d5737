#!/usr/bin/python3
"""operators.py - how many kernels a training step of the VAE needs in PyTorch, as far as a CPU tells.

One eager step of vae.py (noise, forward, zero_grad, backward, Adam) runs under PyTorch's
profiler on the CPU; what is counted are the innermost operators that compute, a stand-in for the
kernels that a GPU would be given.  It is a count of calls, no measurement on a GPU:

- views, allocations and reading a number launch nothing and are left out, and so is what the CPU
  does for a GPU's sake: turning a scalar into a tensor, and Adam's counts of steps;
- an operator that the CPU makes of many others for itself (a convolution is a loop over pictures)
  counts once.  So does the backward of a convolution, for which a GPU runs two or three kernels,
  and a linear layer with its bias: the count is rather too low;
- a foreach operator counts once, as on a GPU, though the CPU has a loop over tensors.

Prints "NAME NUMBER", for Adam as PyTorch runs it by default (1.13: a tensor at a time) and for
foreach=True.  operators.py names: what was counted, too.
"""
import sys
from collections import Counter

import pytorch                                           # nothing is left beside the sources
import torch
import torch.nn.functional as F
import vae
from torch.profiler import ProfilerActivity, profile

from vae import B, Z


class Vae(vae.Vae):
    """With a ReLU behind the decoder's linear layer, as the model of tests/device/count.lua."""

    def decode(self, z):
        return self.d2(F.relu(self.d1(F.relu(self.up(z)).view(-1, 64, 7, 7))))


FREE = {"aten::" + name for name in (
    "as_strided as_strided_ view t transpose detach select slice expand unsqueeze squeeze reshape "
    "flatten permute _reshape_alias alias result_type resolve_conj resolve_neg conj contiguous "
    "empty empty_like empty_strided resize_ item _local_scalar_dense "
    "to "          # of a scalar: the model and its data are float32
    "zeros"        # the profiler's own, for the names that Adam gives its calls
).split()}

WHOLE = {"aten::" + name for name in (
    "mkldnn_convolution slow_conv_transpose2d convolution_backward addmm mm sum").split()}


def counts_steps(event, in_adam):
    """Whether it works on a number of Adam, which a GPU's Adam has on the CPU."""
    return in_adam and event.extra_fields.inputs.shapes[0] == []


def computing(event, in_adam=False):
    """The operators of an event that count, by name."""
    if event.name in FREE:
        return Counter()
    if event.name in WHOLE:
        return Counter([event.name])
    in_adam = in_adam or event.name.startswith("Optimizer.step")
    inner = sum((computing(e, in_adam) for e in event.children), Counter())
    if event.name.startswith("aten::_foreach"):
        return Counter([event.name]) if inner else inner
    if inner or not event.name.startswith("aten::") or counts_steps(event, in_adam):
        return inner
    return Counter([event.name])


def step(model, adam, x):
    loss = model(x, torch.randn(len(x), Z))
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()


def of_step(**how):
    model, x = Vae(), torch.rand(B, 1, 28, 28)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, **how)
    step(model, adam, x)                                 # makes the moments
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        step(model, adam, x)
    tree = seen.profiler.kineto_results.experimental_event_tree()
    return sum(map(computing, tree), Counter())


if __name__ == "__main__":
    for label, how in ("eager", {}), ("foreach", {"foreach": True}):
        counted = of_step(**how)
        print("%s,_%s %d" % (pytorch.NAME.replace(" ", "_"), label, sum(counted.values())))
        if "names" in sys.argv:
            for name, n in counted.most_common():
                print("    %4d %s" % (n, name))
