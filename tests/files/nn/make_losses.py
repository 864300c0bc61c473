#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what PyTorch's losses give to losses.txt, see torch_case.py."""
import torch
from torch import nn

from torch_case import Cases

cases = Cases(__file__, "losses.txt", seed=5)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def signs(*shape):
    return torch.randint(2, shape).to(torch.float64) * 2 - 1


def probabilities(*shape):
    return torch.rand(*shape, dtype=torch.float64) * 0.9 + 0.05


for r in ("none", "mean", "sum"):
    cases.add(f"l1/{r}", nn.L1Loss(reduction=r), randn(2, 3), randn(2, 3))
    cases.add(f"smooth_l1/{r}", nn.SmoothL1Loss(reduction=r, beta=0.7), randn(2, 3), randn(2, 3))
    cases.add(f"huber/{r}", nn.HuberLoss(reduction=r, delta=0.6), randn(2, 3), randn(2, 3))
    cases.add(f"gaussian_nll/{r}", nn.GaussianNLLLoss(reduction=r), randn(2, 3), randn(2, 3), probabilities(2, 3))
    cases.add(f"poisson_nll/{r}", nn.PoissonNLLLoss(reduction=r), randn(2, 3), probabilities(2, 3) * 4)
    cases.add(f"bce/{r}", nn.BCELoss(reduction=r, weight=probabilities(3)), probabilities(2, 3), probabilities(2, 3))
    cases.add(f"bce_with_logits/{r}",
              nn.BCEWithLogitsLoss(reduction=r, weight=probabilities(3), pos_weight=probabilities(3) * 3),
              randn(2, 3), probabilities(2, 3))
    cases.add(f"hinge_embedding/{r}", nn.HingeEmbeddingLoss(reduction=r, margin=0.8), randn(2, 3), signs(2, 3))
    cases.add(f"soft_margin/{r}", nn.SoftMarginLoss(reduction=r), randn(2, 3), signs(2, 3),
              call=lambda m, x, t: m(x, t.detach()))
    cases.add(f"margin_ranking/{r}", nn.MarginRankingLoss(reduction=r, margin=0.3), randn(5), randn(5), signs(5))
    for p in (1, 2):
        cases.add(f"multi_margin/{p}/{r}", nn.MultiMarginLoss(reduction=r, p=p, margin=0.9, weight=probabilities(3)),
                  randn(2, 3), torch.tensor([2, 0]))
    cases.add(f"cosine_embedding/{r}", nn.CosineEmbeddingLoss(reduction=r, margin=0.1), randn(4, 2), randn(4, 2),
              signs(4))
    cases.add(f"triplet_margin/{r}", nn.TripletMarginLoss(reduction=r), randn(3, 2), randn(3, 2), randn(3, 2))
    cases.add(f"triplet_margin/swap/{r}", nn.TripletMarginLoss(reduction=r, swap=True, p=3, margin=2), randn(3, 2),
              randn(3, 2), randn(3, 2))
    cases.add(f"nll/{r}", nn.NLLLoss(reduction=r, weight=probabilities(3), ignore_index=1), randn(5, 3),
              torch.tensor([2, 0, 1, 2, 2]))
    cases.add(f"nll/2d/{r}", nn.NLLLoss(reduction=r), randn(2, 4, 3), torch.randint(4, (2, 3)))
    cases.add(f"cross_entropy/probabilities/{r}",
              nn.CrossEntropyLoss(reduction=r, weight=probabilities(3), label_smoothing=0.2), randn(2, 3, 2),
              randn(2, 3, 2).softmax(1))
    cases.add(f"cross_entropy/one/{r}", nn.CrossEntropyLoss(reduction=r, label_smoothing=0.1), randn(4),
              torch.tensor(2))
    # PyTorch's gradient is right only behind a log_softmax.
    for z in (0, 1):
        ctc = nn.CTCLoss(reduction=r, blank=1, zero_infinity=bool(z))
        call = lambda m, x, *ts: m(x.log_softmax(-1), *ts)
        targets = torch.tensor([[2, 2, 3], [0, 3, 1], [2, 0, 3], [1, 1, 1]])
        cases.add(f"ctc/padded/{z}/{r}", ctc, randn(6, 4, 4), targets, torch.tensor([6, 3, 5, 4]),
                  torch.tensor([3, 2, 3, 0]), call=call)
        cases.add(f"ctc/joined/{z}/{r}", ctc, randn(7, 3, 5), torch.tensor([4, 4, 2, 3, 0, 2]),
                  torch.tensor([5, 7, 4]), torch.tensor([3, 1, 2]), call=call)
    short = nn.CTCLoss(reduction=r, zero_infinity=True)
    cases.add(f"ctc/short/{r}", short, randn(4, 2, 3), torch.tensor([[1, 1, 2], [1, 2, 2]]), torch.tensor([3, 4]),
              torch.tensor([3, 3]), call=call)

for r in ("none", "mean", "sum", "batchmean"):
    cases.add(f"kl_div/{r}", nn.KLDivLoss(reduction=r), randn(2, 3), probabilities(2, 3))
    cases.add(f"kl_div/log/{r}", nn.KLDivLoss(reduction=r, log_target=True), randn(2, 3), randn(2, 3))
cases.add("gaussian_nll/full", nn.GaussianNLLLoss(full=True), randn(2, 3), randn(2, 3), probabilities(2))
cases.add("gaussian_nll/small", nn.GaussianNLLLoss(eps=0.5), randn(2, 3), randn(2, 3), probabilities(2, 1))
cases.add("poisson_nll/full", nn.PoissonNLLLoss(full=True), randn(2, 3), probabilities(2, 3) * 4)
cases.add("poisson_nll/rate", nn.PoissonNLLLoss(log_input=False), probabilities(2, 3), probabilities(2, 3) * 4)
cases.add("smooth_l1/beta0", nn.SmoothL1Loss(beta=0.0), randn(2, 3), randn(2, 3))
cases.add("multi_margin/one", nn.MultiMarginLoss(), randn(4), torch.tensor(1))
cases.add("cosine_embedding/one", nn.CosineEmbeddingLoss(), randn(4), randn(4), torch.tensor(1))

for r in ("none", "mean", "sum"):
    cases.add(f"mse/{r}", nn.MSELoss(reduction=r), randn(2, 3), randn(2, 3))
    weighted = nn.CrossEntropyLoss(reduction=r, weight=probabilities(4), ignore_index=1, label_smoothing=0.1)
    cases.add(f"cross_entropy/{r}", weighted, randn(5, 4), torch.tensor([2, 0, 1, 3, 2]))
    cases.add(f"cross_entropy/2d/{r}", nn.CrossEntropyLoss(reduction=r), randn(2, 4, 3), torch.randint(4, (2, 3)))
    cases.add(f"multilabel_margin/{r}", nn.MultiLabelMarginLoss(reduction=r), randn(3, 4),
              torch.tensor([[3, 0, -1, 1], [2, 2, 1, -1], [-1, 1, 2, 3]]))
    cases.add(f"multilabel_soft_margin/{r}", nn.MultiLabelSoftMarginLoss(reduction=r, weight=probabilities(4)),
              randn(3, 4), probabilities(3, 4))
cases.add("multilabel_margin/one", nn.MultiLabelMarginLoss(), randn(4), torch.tensor([1, 2, -1, 0]))
cases.add("bce/plain", nn.BCELoss(), probabilities(2, 3), probabilities(2, 3))
cases.add("bce_with_logits/plain", nn.BCEWithLogitsLoss(), randn(2, 3), probabilities(2, 3))
cases.add("nll/one", nn.NLLLoss(), randn(4), torch.tensor(3))
cases.write()
