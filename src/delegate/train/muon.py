"""Muon (Jordan et al. 2024): momentum whose matrices are made nearly orthogonal before they are stepped along.

torch has one too, but it always works in bfloat16, which takes some thirty times as long on a processor that has no
instructions for it; this one works in the precision it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

_SERIES = (3.4445, -4.7750, 2.0315)
"""The coefficients of a Newton-Schulz iteration; five rounds bring singular values near 1."""
_ROUNDS = 5


def orthogonal(matrix: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The matrix with its singular values brought near 1, worked out in that precision."""
    first, third, fifth = _SERIES
    tall = matrix.shape[0] > matrix.shape[1]
    found = (matrix.T if tall else matrix).to(dtype)
    found = found / found.norm().clamp(min=1e-7)
    for _ in range(_ROUNDS):
        square = found @ found.T
        found = first * found + (third * square + fifth * square @ square) @ found
    return (found.T if tall else found).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For matrices alone; its steps are as long as AdamW's would be (Liu et al. 2025, arXiv:2502.16982)."""

    def __init__(
        self, matrices: Iterable[torch.Tensor], *, lr: float, dtype: torch.dtype, weight_decay: float = 0.05
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": 0.95, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """One step; a closure is not called."""
        for group in self.param_groups:
            for matrix in group["params"]:
                momentum = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
                momentum.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(momentum, group["momentum"])
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                length = group["lr"] * 0.2 * max(matrix.shape) ** 0.5
                matrix.add_(orthogonal(ahead, self.dtype), alpha=-length)
