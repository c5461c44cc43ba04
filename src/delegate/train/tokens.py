"""Two tags as tokens of a model: one token each, plain, so that servers show them, and with rows of their own.

A row begins as that of the token which ends an answer, in both matrices where there are two: a tag stands where an
answer ends, so it is likely there, and nowhere else, from the first step on.
"""

from __future__ import annotations

from typing import Any

from delegate.errors import SpecError
from delegate.train.example import Tags


def add(words: Any, network: Any, tags: Tags, end: int) -> tuple[int, int]:
    """Make the tags tokens of a tokenizer and a network, where they are not yet; their ids.

    Args:
        words: the tokenizer.
        network: the weights; their embedding grows where it has no room for the ids.
        tags: the two.
        end: the token that ends an answer.

    Raises:
        SpecError: a tag cannot be a token that everybody sees.
    """
    import torch
    from tokenizers import AddedToken

    if getattr(network.get_output_embeddings(), "bias", None) is not None:
        raise SpecError("this model's output matrix has a bias, which peft leaves out when rows of it are trained")
    before = words.get_vocab()
    for token in words.added_tokens_decoder.values():
        if token.special and token.content in tuple(tags):
            raise SpecError(f"{token.content} is a special token of this model, which servers hide; take other tags")
    words.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    confident, unsure = words.convert_tokens_to_ids(list(tags))
    if max(confident, unsure) >= network.get_input_embeddings().num_embeddings:
        network.resize_token_embeddings(len(words), mean_resizing=False)
    new = [number for tag, number in zip(tags, (confident, unsure), strict=True) if tag not in before]
    with torch.no_grad():
        for matrix in (network.get_input_embeddings().weight, network.get_output_embeddings().weight):
            matrix[new] = matrix[end].clone()
    return confident, unsure


def rows(network: Any, ids: tuple[int, int]) -> dict[str, list[int]]:
    """What to train of the embeddings: rows by the name of the module that holds them.

    The output matrix is named only where it is another one; a tied one follows by itself, and one that is not tied
    would else never learn to say the tags.
    """
    reads, says = network.get_input_embeddings(), network.get_output_embeddings()
    wanted = [reads] if reads.weight is says.weight else [reads, says]
    return {name: list(ids) for name, module in network.named_modules() if any(module is each for each in wanted)}


def end_of_answer(words: Any, ends: frozenset[int]) -> int:
    """The token that ends an answer: what the chat template writes after one, if that ends it; else the tokenizer's.

    Args:
        words: the tokenizer, with its chat template.
        ends: the tokens at which the model is stopped.

    Raises:
        SpecError: there is none.
    """
    answer = "4"
    turns = [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": answer}]
    after = words.apply_chat_template(turns, tokenize=False).rpartition(answer)[2]
    following = words(after, add_special_tokens=False).input_ids[:1]
    if following and following[0] in ends:
        return int(following[0])
    if words.eos_token_id is None:
        raise SpecError("this model's tokenizer names no token that ends an answer (`eos_token`)")
    return int(words.eos_token_id)
