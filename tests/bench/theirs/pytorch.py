"""pytorch.py - what the peers in PyTorch share: threads, name, and the settings of a training step
and of a forward pass."""
import contextlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True                           # nothing is left beside the sources

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(1)

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}


def version():
    """Debian's package calls itself by another number than its source."""
    if torch.__file__.startswith("/usr/lib/python3/"):
        shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "python3-torch"],
                               capture_output=True, text=True)
        if shown.returncode == 0:
            return shown.stdout.split("+")[0]
    return torch.__version__.split("+")[0]


NAME = "PyTorch " + version()


def ways():
    """(layout, way) of every setting; torch.compile, from 2.0 on, chooses layouts by itself."""
    all = [(layout, way) for way in ("eager", "traced") for layout in LAYOUTS]
    return all + [("last", "compiled")] if hasattr(torch, "compile") else all


def settings(make):
    """{label: make} of make(layout, way)."""
    return {"channels %s, %s" % pair: lambda pair=pair: make(*pair) for pair in ways()}


def cast(precision):
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast("cpu", dtype=torch.bfloat16)


def adam_of(model):
    """One kernel for all parameters where this version has it on a CPU."""
    try:
        return torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    except (RuntimeError, TypeError):
        return torch.optim.Adam(model.parameters(), lr=1e-3)


def trainer(model, z, x, layout, way, precision="float32"):
    """step(x): one training step of a model whose call gives the loss of pictures and noise."""
    model = model.to(memory_format=LAYOUTS[layout])
    adam = adam_of(model)
    loss_of = model
    if way == "traced":
        if precision != "float32":
            raise ValueError("autocast is not traced")
        x = x.contiguous(memory_format=LAYOUTS[layout])
        loss_of = torch.jit.trace(model, (x, torch.randn(len(x), z)), check_trace=False)
    elif way == "compiled":
        loss_of = torch.compile(model, dynamic=False)

    def step(x):
        x = x.contiguous(memory_format=LAYOUTS[layout])
        with cast(precision):
            loss = loss_of(x, torch.randn(len(x), z))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    return step


def settings_of_step(make_model, z, x, precision, timed):
    """{label: make} of a training step on one batch."""
    def make(layout, way):
        mine = x.contiguous(memory_format=LAYOUTS[layout])
        step = trainer(make_model(), z, mine, layout, way, precision)
        return timed(lambda: step(mine))
    return settings(make)


def settings_of_forward(make_model, x, timed):
    """{label: make} of a forward pass without gradients."""
    def make(layout, way):
        model = make_model().eval().to(memory_format=LAYOUTS[layout])
        mine = x.contiguous(memory_format=LAYOUTS[layout])
        if way == "traced":
            with torch.no_grad():
                model = torch.jit.optimize_for_inference(torch.jit.trace(model, mine))
        elif way == "compiled":
            model = torch.compile(model, dynamic=False)

        def forward():
            with torch.no_grad():
                model(mine)
        return timed(forward)
    return settings(make)
