#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Losses by PyTorch, see layer_case.py."""
import torch
from torch import nn

from layer_case import Cases

cases = Cases(__file__, "losses")


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def signs(*shape):
    return torch.randint(2, shape).to(torch.float64) * 2 - 1


def probabilities(*shape):
    return torch.rand(*shape, dtype=torch.float64) * 0.9 + 0.05


for r in ("none", "mean", "sum"):
    cases.add(f"l1/{r}", lambda: nn.L1Loss(reduction=r), (2, 3), (2, 3))
    cases.add(f"smooth_l1/{r}", lambda: nn.SmoothL1Loss(reduction=r, beta=0.7), (2, 3), (2, 3))
    cases.add(f"huber/{r}", lambda: nn.HuberLoss(reduction=r, delta=0.6), (2, 3), (2, 3))
    cases.add(f"gaussian_nll/{r}", lambda: nn.GaussianNLLLoss(reduction=r), (2, 3), (2, 3), lambda: probabilities(2, 3))
    cases.add(f"poisson_nll/{r}", lambda: nn.PoissonNLLLoss(reduction=r), (2, 3), lambda: probabilities(2, 3) * 4)
    cases.add(f"bce/{r}", lambda: nn.BCELoss(reduction=r, weight=probabilities(3)), lambda: probabilities(2, 3),
              lambda: probabilities(2, 3))
    cases.add(f"bce_with_logits/{r}", lambda: nn.BCEWithLogitsLoss(reduction=r, weight=probabilities(3),
              pos_weight=probabilities(3) * 3), (2, 3), lambda: probabilities(2, 3))
    cases.add(f"hinge_embedding/{r}", lambda: nn.HingeEmbeddingLoss(reduction=r, margin=0.8), (2, 3), lambda: signs(2,
              3))
    cases.add(f"soft_margin/{r}", lambda: nn.SoftMarginLoss(reduction=r), (2, 3), lambda: signs(2, 3), call=lambda m,
              x, t: m(x, t.detach()))
    cases.add(f"margin_ranking/{r}", lambda: nn.MarginRankingLoss(reduction=r, margin=0.3), (5,), (5,),
              lambda: signs(5))
    for p in (1, 2):
        cases.add(f"multi_margin/{p}/{r}", lambda: nn.MultiMarginLoss(reduction=r, p=p, margin=0.9,
                  weight=probabilities(3)), (2, 3), torch.tensor([2, 0]))
    cases.add(f"cosine_embedding/{r}", lambda: nn.CosineEmbeddingLoss(reduction=r, margin=0.1), (4, 2), (4, 2),
              lambda: signs(4))
    cases.add(f"triplet_margin/{r}", lambda: nn.TripletMarginLoss(reduction=r), (3, 2), (3, 2), (3, 2))
    cases.add(f"triplet_margin/swap/{r}", lambda: nn.TripletMarginLoss(reduction=r, swap=True, p=3, margin=2), (3, 2),
              (3, 2), (3, 2))
    distance = lambda a, b: (a - b).square().sum(-1)
    cases.add(f"triplet_margin_distance/{r}", lambda: nn.TripletMarginWithDistanceLoss(distance_function=distance,
              reduction=r, swap=True, margin=0.7), (3, 2), (3, 2), (3, 2))
    cases.add(f"nll/{r}", lambda: nn.NLLLoss(reduction=r, weight=probabilities(3), ignore_index=1), (5, 3),
              torch.tensor([2, 0, 1, 2, 2]))
    cases.add(f"nll/2d/{r}", lambda: nn.NLLLoss(reduction=r), (2, 4, 3), lambda: torch.randint(4, (2, 3)))
    cases.add(f"cross_entropy/probabilities/{r}", lambda: nn.CrossEntropyLoss(reduction=r, weight=probabilities(3),
              label_smoothing=0.2), (2, 3, 2), lambda: randn(2, 3, 2).softmax(1))
    cases.add(f"cross_entropy/one/{r}", lambda: nn.CrossEntropyLoss(reduction=r, label_smoothing=0.1), (4,),
              torch.tensor(2))
    # PyTorch's gradient is right only behind a log_softmax.
    for z in (0, 1):
        ctc = lambda: nn.CTCLoss(reduction=r, blank=1, zero_infinity=bool(z))
        call = lambda m, x, *ts: m(x.log_softmax(-1), *ts)
        targets = torch.tensor([[2, 2, 3], [0, 3, 1], [2, 0, 3], [1, 1, 1]])
        cases.add(f"ctc/padded/{z}/{r}", ctc, (6, 4, 4), targets, torch.tensor([6, 3, 5, 4]), torch.tensor([3, 2, 3,
                  0]), call=call)
        cases.add(f"ctc/joined/{z}/{r}", ctc, (7, 3, 5), torch.tensor([4, 4, 2, 3, 0, 2]), torch.tensor([5, 7, 4]),
                  torch.tensor([3, 1, 2]), call=call)
    short = lambda: nn.CTCLoss(reduction=r, zero_infinity=True)
    cases.add(f"ctc/short/{r}", short, (4, 2, 3), torch.tensor([[1, 1, 2], [1, 2, 2]]), torch.tensor([3, 4]),
              torch.tensor([3, 3]), call=call)

for r in ("none", "mean", "sum", "batchmean"):
    cases.add(f"kl_div/{r}", lambda: nn.KLDivLoss(reduction=r), (2, 3), lambda: probabilities(2, 3))
    cases.add(f"kl_div/log/{r}", lambda: nn.KLDivLoss(reduction=r, log_target=True), (2, 3), (2, 3))
cases.add("gaussian_nll/full", lambda: nn.GaussianNLLLoss(full=True), (2, 3), (2, 3), lambda: probabilities(2))
cases.add("gaussian_nll/small", lambda: nn.GaussianNLLLoss(eps=0.5), (2, 3), (2, 3), lambda: probabilities(2, 1))
cases.add("poisson_nll/full", lambda: nn.PoissonNLLLoss(full=True), (2, 3), lambda: probabilities(2, 3) * 4)
cases.add("poisson_nll/rate", lambda: nn.PoissonNLLLoss(log_input=False), lambda: probabilities(2, 3),
          lambda: probabilities(2, 3) * 4)
cases.add("smooth_l1/beta0", lambda: nn.SmoothL1Loss(beta=0.0), (2, 3), (2, 3))
cases.add("multi_margin/one", lambda: nn.MultiMarginLoss(), (4,), torch.tensor(2))
cases.add("cosine_embedding/one", lambda: nn.CosineEmbeddingLoss(), (4,), (4,), torch.tensor(1))

for r in ("none", "mean", "sum"):
    cases.add(f"mse/{r}", lambda: nn.MSELoss(reduction=r), (2, 3), (2, 3))
    weighted = lambda: nn.CrossEntropyLoss(reduction=r, weight=probabilities(4), ignore_index=1, label_smoothing=0.1)
    cases.add(f"cross_entropy/{r}", weighted, (5, 4), torch.tensor([2, 0, 1, 3, 2]))
    cases.add(f"cross_entropy/2d/{r}", lambda: nn.CrossEntropyLoss(reduction=r), (2, 4, 3), lambda: torch.randint(4,
              (2, 3)))
    cases.add(f"multilabel_margin/{r}", lambda: nn.MultiLabelMarginLoss(reduction=r), (3, 4), torch.tensor([[3, 0, -1,
              1], [2, 2, 1, -1], [-1, 1, 2, 3]]))
    cases.add(f"multilabel_soft_margin/{r}", lambda: nn.MultiLabelSoftMarginLoss(reduction=r,
              weight=probabilities(4)), (3, 4), lambda: probabilities(3, 4))
cases.add("multilabel_margin/one", lambda: nn.MultiLabelMarginLoss(), (4,), torch.tensor([1, 2, -1, 0]))
cases.add("bce/plain", lambda: nn.BCELoss(), lambda: probabilities(2, 3), lambda: probabilities(2, 3))
cases.add("bce_with_logits/plain", lambda: nn.BCEWithLogitsLoss(), (2, 3), lambda: probabilities(2, 3))
cases.add("nll/one", lambda: nn.NLLLoss(), (4,), torch.tensor(3))
cases.add("triplet_margin_distance/plain", lambda: nn.TripletMarginWithDistanceLoss(), (3, 2), (3, 2), (3, 2))
for name, bias in (("plain", False), ("head_bias", True)):
    cases.add(f"adaptive_softmax/{name}", lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], 2.0, bias), (6, 8),
              torch.tensor([0, 11, 3, 2, 6, 8]), call=lambda m, x, t: m(x, t).output)
cases.add("adaptive_softmax/one", lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], 2.0), (8,), torch.tensor(5),
          call=lambda m, x, t: m(x, t).output)
cases.finish()
