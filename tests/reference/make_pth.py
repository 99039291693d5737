"""Small files of torch.save in both of its forms, for tests/c/test_pth.c and tests/lua/pth_spec.lua.

    python3 tests/reference/make_pth.py        (Debian: python3-torch 1.13.1)

writes tests/reference/new.pth (a zip archive) and old.pth (the form before PyTorch 1.6).
"""
import collections
import os

import torch

here = os.path.dirname(__file__)
base = torch.arange(24.0).reshape(4, 6)
d = collections.OrderedDict()
d["t"] = base.t()
d["part"] = base[1:3, 2:5]
d["half"] = torch.tensor([1.5, -2, 65504.0, 2.0 ** -24, float("inf")]).half()
d["bf"] = torch.tensor([1.5, -2.0]).bfloat16()
d["f64"] = torch.tensor([0.1, -2]).double()
d["i64"] = torch.tensor(7)
d["i16"] = torch.tensor([-5, 300]).short()
d["i8"] = torch.tensor([-5, 30]).char()
d["u8"] = torch.tensor([5, 250]).byte()
d["bool"] = torch.tensor([True, False])
d["empty"] = torch.zeros(0, 3)
d["param"] = torch.nn.Parameter(torch.ones(2))
state = {"state": d, "epoch": 3, "lr": 0.5, "name": "x", "list": [torch.zeros(1), None, True]}
torch.save(state, os.path.join(here, "new.pth"))
torch.save(state, os.path.join(here, "old.pth"), _use_new_zipfile_serialization=False)
