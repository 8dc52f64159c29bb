"""Sampling: softmax, classes by chance, and probabilities of which the largest stay."""

from warpwright._rooms import open_family

open_family(__name__)

# Behind it, so that the operators' names here stand for their functions.
from warpwright.sampling.top_k_renorm_probs import top_k_renorm_probs as top_k_renorm_prob  # noqa: E402
from warpwright.sampling.top_p_renorm_probs import top_p_renorm_probs as top_p_renorm_prob  # noqa: E402

__all__ = ["top_k_renorm_prob", "top_p_renorm_prob"]
