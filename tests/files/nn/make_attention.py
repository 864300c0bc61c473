#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Attention, transformer layers and embeddings by PyTorch, see layer_case.py."""
import math

import torch
from torch import nn
from layer_case import Cases

cases = Cases(__file__, "attention")
inf = float("inf")


def attention(q, k, v, mask=None):
    """The definition; torch 1.13 has no public function for it."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -inf) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1) @ v


def later(l, s):
    return torch.ones(l, s).triu(1).bool()


def padding(*lengths):
    return torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]


for name, *mask in [("plain",), ("boolean", ~later(3, 4)), ("added", (2, 1, 3, 4))]:
    qkv = (2, 2, 3, 5), (2, 2, 4, 5), (2, 2, 4, 2)
    cases.add(f"sdpa/{name}", None, *qkv, *mask, call=lambda m, *xs: attention(*xs))


def mha(name, *inputs, options=None, training=True, **how):
    def make():
        m = nn.MultiheadAttention(4, 2, **(options or {})).train(training)
        with torch.no_grad():
            for k, p in m.named_parameters():
                if "bias" in k:
                    p.normal_()
        return m

    masks = [k for k in how if k.endswith("mask")]
    rest = {k: v for k, v in how.items() if k not in masks}

    def call(m, *xs):
        args, kw = xs[: len(inputs)], dict(zip(masks, xs[len(inputs) :]))
        args = args * 3 if len(args) == 1 else (args[0], args[1], args[1]) if len(args) == 2 else args
        y, w = m(*args, **kw, **rest)
        return y if w is None else (y, w)

    cases.add("mha/" + name, make, *inputs, *(how[k] for k in masks), call=call)


mha("self", (3, 2, 4), need_weights=False)
mha("batch_first", (2, 3, 4), options=dict(batch_first=True), need_weights=True)
mha("unbatched", (3, 4), (5, 4), need_weights=True, average_attn_weights=False)
mha("cross", (3, 2, 4), (5, 2, 4), need_weights=False, key_padding_mask=padding(5, 3))
mha("causal", (3, 2, 4), need_weights=False, attn_mask=later(3, 3), options=dict(bias=False))
mha("three", (3, 2, 4), (5, 2, 4), (5, 2, 4), need_weights=False, attn_mask=(4, 3, 5))
mha("kdim", (3, 2, 4), (2, 2, 3), (2, 2, 5), need_weights=False, options=dict(kdim=3, vdim=5))
mha("dropout/eval", (3, 2, 4), need_weights=False, options=dict(dropout=0.5), training=False)

layer = dict(dim_feedforward=6, dropout=0.0)
cases.add("encoder/relu", lambda: nn.TransformerEncoderLayer(4, 2, **layer), (3, 2, 4))
first = dict(norm_first=True, batch_first=True, activation="gelu", **layer)
cases.add("encoder/norm_first", lambda: nn.TransformerEncoderLayer(4, 2, **first), (2, 3, 4), lambda: later(3, 3),
          lambda: padding(3, 2), call=lambda m, x, a, p: m(x, src_mask=a, src_key_padding_mask=p))
cases.add("encoder/eval", lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0.5).eval(), (3, 2, 4))
decode = lambda m, x, y, a, p: m(x, y, tgt_mask=a, memory_key_padding_mask=p)
cases.add("decoder/relu", lambda: nn.TransformerDecoderLayer(4, 2, **layer), (3, 2, 4), (4, 2, 4),
          lambda: later(3, 3), lambda: padding(4, 3), call=decode)
cases.add("decoder/norm_first", lambda: nn.TransformerDecoderLayer(4, 2, **first), (2, 3, 4), (2, 4, 4),
          lambda: later(3, 3), lambda: padding(4, 3), call=decode)
cases.add("decoder/eval", lambda: nn.TransformerDecoderLayer(4, 2, 6, dropout=0.5).eval(), (3, 2, 4), (2, 2, 4))
encoder = lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, **layer), 2, nn.LayerNorm(4))
cases.add("encoders", encoder, (3, 2, 4))
decoder = lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **layer), 2, nn.LayerNorm(4))
cases.add("decoders", decoder, (2, 2, 4), (3, 2, 4))

cases.add("embedding/plain", lambda: nn.Embedding(5, 3), torch.tensor([[0, 4, 2], [2, 2, 1]]))
cases.add("embedding/padding", lambda: nn.Embedding(5, 3, padding_idx=-3), torch.tensor([[0, 4, 2], [2, 2, 1]]))
cases.add("embedding/max_norm", lambda: nn.Embedding(5, 3, max_norm=1.0), torch.tensor([0, 4, 4, 1]))

bag = lambda mode, **options: lambda: nn.EmbeddingBag(6, 3, mode=mode, **options)
square = torch.tensor([[0, 4, 2], [2, 2, 1], [5, 0, 5]])
flat, begins = torch.tensor([0, 4, 2, 2, 1, 5, 0]), torch.tensor([0, 3, 3, 4])
for mode in ("sum", "mean", "max"):
    cases.add(f"bag/{mode}", bag(mode), square)
    cases.add(f"bag/{mode}_offsets", bag(mode), flat, begins)
    cases.add(f"bag/{mode}_padding", bag(mode, padding_idx=2), square)
cases.add("bag/weights", bag("sum"), (3, 3), square, call=lambda m, w, x: m(x, per_sample_weights=w))
cases.add("bag/weights_padding", bag("sum", padding_idx=-4), (7,), flat, begins,
          call=lambda m, w, x, o: m(x, o, per_sample_weights=w))
cases.add("bag/last_offset", bag("mean", include_last_offset=True), flat, torch.tensor([0, 2, 2, 7]))
cases.add("bag/max_norm", bag("sum", max_norm=1.0), square)
cases.finish()
