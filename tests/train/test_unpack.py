"""A shipped pocket model in transformers' form says what the graph says."""

import json

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("transformers", reason="training needs the extra `train`")
pytest.importorskip("onnx", reason="training needs the extra `train`")

import numpy as np
import torch
from transformers import LlamaForCausalLM

from delegate.errors import DataError, SpecError
from delegate.generation.tokens import Tokens
from delegate.message import Request
from delegate.models.pocket import WEIGHTS
from delegate.train.unpack import shipped, unpack

MEMBER = WEIGHTS / "small-a"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return unpack(MEMBER, tmp_path_factory.mktemp("small-a") / "transformers")


def test_logits_are_those_of_the_graph(folder):
    onnxruntime = pytest.importorskip("onnxruntime")
    tokens = Tokens(str(folder))
    ids = np.array([tokens.prompt(Request.of("Start with 4. Add 5."))])
    size = json.loads((MEMBER / "config.json").read_text())["shape"]
    empty = np.zeros((1, size["key_value_heads"], 0, size["head_width"]), np.float32)
    past = {f"past_key_values.{n}.{part}": empty for n in range(size["layers"]) for part in ("key", "value")}

    session = onnxruntime.InferenceSession(MEMBER / "model.onnx")
    expected = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids), **past})[0]
    with torch.no_grad():
        logits = LlamaForCausalLM.from_pretrained(folder)(torch.tensor(ids)).logits.numpy()

    assert np.abs(logits - expected).max() < 1e-4


def test_it_has_as_many_parameters_as_the_package_says(folder):
    network = LlamaForCausalLM.from_pretrained(folder)

    many = sum(tensor.numel() for tensor in network.parameters())

    assert many == json.loads((MEMBER / "config.json").read_text())["parameters"]
    assert network.get_input_embeddings().weight is network.get_output_embeddings().weight


def test_its_tokenizer_ends_answers_as_the_graph_is_ended(folder):
    assert [Tokens(str(folder)).tokenizer.eos_token_id] == json.loads((MEMBER / "config.json").read_text())["eos_ids"]


def test_members_are_found_by_name(tmp_path):
    assert shipped("pocket-small-a") == MEMBER
    with pytest.raises(SpecError, match="no pocket model 'pocket-small-z'; did you mean 'pocket-small-"):
        shipped("pocket-small-z")
    assert shipped("small-a") is None


def test_a_folder_without_one_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no pocket model's"):
        unpack(tmp_path, tmp_path / "out")
    (tmp_path / "config.json").write_text((WEIGHTS / "large" / "config.json").read_text())
    (tmp_path / "model.onnx").write_bytes((MEMBER / "model.onnx").read_bytes())
    with pytest.raises(DataError, match="does not hold the weights"):
        unpack(tmp_path, tmp_path / "out")
