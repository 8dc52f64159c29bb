"""Tensors of heads, in the words of csrc/elementwise/rope_heads.h: (tokens..., heads, head_dim), or flat heads."""

from __future__ import annotations

from typing import NamedTuple

import torch

from warpwright.checks import Size, Truth, all_of, any_of, check, known
from warpwright.rows import Rows, span_of


class Heads(NamedTuple):
    """Heads of tokens, and the elements from one to the next."""

    tokens: Size
    heads: Size
    head_dim: Size
    token_stride: Size
    head_stride: Size


def heads_of(name: str, tensor: torch.Tensor, token_dims: int, head_dim: Size) -> Heads:
    """Return where heads lie; the first ``token_dims`` dimensions are tokens, at one distance from each other."""
    tokens, stride = _tokens_of(name, tensor, token_dims)
    if tensor.dim() == token_dims + 1:
        return Heads(tokens, tensor.shape[-1] // head_dim, head_dim, stride, head_dim)
    return Heads(tokens, tensor.shape[-2], head_dim, stride, tensor.stride(-2))


def _tokens_of(name: str, tensor: torch.Tensor, token_dims: int) -> tuple[Size, Size]:
    tokens: Size = tensor.shape[token_dims - 1]
    stride: Size = tensor.stride(token_dims - 1)
    for outer in range(token_dims - 2, -1, -1):
        size = tensor.shape[outer]
        if known(tokens <= 1):
            stride = tensor.stride(outer)
        check(
            any_of(size <= 1, tokens <= 1, tensor.stride(outer) == tokens * stride),
            *(f"{name} has strides ", tensor.stride(), " for shape ", tuple(tensor.shape)),
            ", expected tokens at one distance from each other: call .contiguous() on it",
        )
        tokens = tokens * size
    return tokens, stride


def written_heads(name: str, tensor: torch.Tensor, of: Heads) -> Rows | None:
    """Return the memory of heads that are written, and refuse those that overlap; None where it is not known."""
    head = of.head_dim
    heads, tokens = ((count - 1) * stride + head for count, stride in _dimensions(of))
    apart = any_of(
        all_of(_is_wide(of.heads, of.head_stride, head), _is_wide(of.tokens, of.token_stride, heads)),
        all_of(_is_wide(of.tokens, of.token_stride, head), _is_wide(of.heads, of.head_stride, tokens)),
    )
    check(
        apart,
        *(f"{name} has strides ", tensor.stride(), " for shape ", tuple(tensor.shape)),
        *(", expected heads that do not overlap: at least ", head, " elements apart"),
    )
    return _rows_of(tensor, of)


def _dimensions(of: Heads) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
    return (of.heads, of.head_stride), (of.tokens, of.token_stride)


def _is_wide(items: Size, stride: Size, least: Size) -> Truth:
    """True where each item is so far from the one before, or there is one alone."""
    return any_of(items <= 1, stride >= least)


def _rows_of(tensor: torch.Tensor, of: Heads) -> Rows | None:
    """Return the heads as rows; as one row from the first to the last where no rows fit."""
    span = span_of(tensor)
    numbers = [number for number in of if isinstance(number, int)]
    if span is None or len(numbers) < len(of):
        return None
    tokens, heads, head, token_stride, head_stride = numbers

    def rows(count: int, stride: int, elements: int) -> Rows:
        each = tensor.element_size()
        return span._replace(rows=count, stride=stride * each, size=elements * each)

    if heads <= 1 or head_stride == head:
        return rows(tokens, token_stride, heads * head)
    if tokens <= 1 or token_stride == heads * head_stride:
        return rows(tokens * heads, head_stride, head)
    return rows(heads, head_stride, tokens * head) if token_stride == head else span
