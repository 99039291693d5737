"""calls.py - what a call costs in eager PyTorch: an op on one number, a graph of many small ops. The
peer of ours/calls.lua."""
import pytorch                                            # sets the threads first
import torch
import worker

MANY = 1000


def op():
    x = torch.randn(1)

    def many():
        for _ in range(MANY):
            torch.neg(x)

    def run(seconds):
        with torch.no_grad():
            return [s / MANY for s in worker.times(many, seconds)]
    return {"eager": lambda: run}


def graph():
    x = torch.randn(16, requires_grad=True)

    def run():
        y = x
        for _ in range(MANY // 2):
            y = (y * 0.99).tanh()
        torch.autograd.grad(y.sum(), x)
    return {"eager": lambda: worker.timed(run)}


worker.serve(pytorch.NAME, {"op": op, "graph": graph})
