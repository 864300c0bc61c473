#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what PyTorch makes of attention, transformer layers and embeddings to attention.txt."""
import math

import torch
from torch import nn
from torch_case import Cases

cases = Cases(__file__, "attention.txt", seed=7)
randn = torch.randn
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


for name, mask in [("plain", None), ("boolean", ~later(3, 4)), ("added", randn(2, 1, 3, 4))]:
    qkv = randn(2, 2, 3, 5), randn(2, 2, 4, 5), randn(2, 2, 4, 2)
    more = () if mask is None else (mask,)
    cases.add(f"sdpa/{name}", None, *qkv, *more, call=lambda m, *xs: attention(*xs))


def mha(name, *inputs, options=None, **how):
    m = nn.MultiheadAttention(4, 2, **(options or {}))
    with torch.no_grad():
        for k, p in m.named_parameters():
            if "bias" in k:
                p.normal_()
    masks = [k for k, v in how.items() if torch.is_tensor(v)]
    rest = {k: v for k, v in how.items() if not torch.is_tensor(v)}

    def call(m, *xs):
        args, kw = xs[: len(inputs)], dict(zip(masks, xs[len(inputs) :]))
        args = args * 3 if len(args) == 1 else (args[0], args[1], args[1]) if len(args) == 2 else args
        y, w = m(*args, **kw, **rest)
        return y if w is None else (y, w)

    cases.add("mha/" + name, m, *inputs, *(how[k] for k in masks), call=call)


mha("self", randn(3, 2, 4), need_weights=False)
mha("batch_first", randn(2, 3, 4), options=dict(batch_first=True), need_weights=True)
mha("unbatched", randn(3, 4), randn(5, 4), need_weights=True, average_attn_weights=False)
mha("cross", randn(3, 2, 4), randn(5, 2, 4), need_weights=False, key_padding_mask=padding(5, 3))
mha("causal", randn(3, 2, 4), need_weights=False, attn_mask=later(3, 3), options=dict(bias=False))
mha("three", randn(3, 2, 4), randn(5, 2, 4), randn(5, 2, 4), need_weights=False, attn_mask=randn(4, 3, 5))
mha("kdim", randn(3, 2, 4), randn(2, 2, 3), randn(2, 2, 5), need_weights=False, options=dict(kdim=3, vdim=5))

layer = dict(dim_feedforward=6, dropout=0.0)
cases.add("encoder/relu", nn.TransformerEncoderLayer(4, 2, **layer), randn(3, 2, 4))
cases.add(
    "encoder/norm_first",
    nn.TransformerEncoderLayer(4, 2, **layer, norm_first=True, batch_first=True, activation="gelu"),
    randn(2, 3, 4),
    later(3, 3),
    padding(3, 2),
    call=lambda m, x, a, p: m(x, src_mask=a, src_key_padding_mask=p),
)
cases.add("encoder/eval", nn.TransformerEncoderLayer(4, 2, 6, dropout=0.5).eval(), randn(3, 2, 4))
decode = lambda m, x, y, a, p: m(x, y, tgt_mask=a, memory_key_padding_mask=p)
cases.add(
    "decoder/relu", nn.TransformerDecoderLayer(4, 2, **layer), randn(3, 2, 4), randn(4, 2, 4), later(3, 3),
    padding(4, 3), call=decode,
)
cases.add(
    "decoder/norm_first",
    nn.TransformerDecoderLayer(4, 2, **layer, norm_first=True, batch_first=True, activation="gelu"),
    randn(2, 3, 4),
    randn(2, 4, 4),
    later(3, 3),
    padding(4, 3),
    call=decode,
)
stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, **layer), 2, nn.LayerNorm(4))
cases.add("encoders", stack, randn(3, 2, 4))
stack = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **layer), 2, nn.LayerNorm(4))
cases.add("decoders", stack, randn(2, 2, 4), randn(3, 2, 4))

cases.add("embedding/plain", nn.Embedding(5, 3), torch.tensor([[0, 4, 2], [2, 2, 1]]))
cases.add("embedding/padding", nn.Embedding(5, 3, padding_idx=-3), torch.tensor([[0, 4, 2], [2, 2, 1]]))
longer = nn.Embedding(5, 3, max_norm=1.0)
cases.add("embedding/max_norm", longer, torch.tensor([0, 4, 4, 1]))
cases.write()
