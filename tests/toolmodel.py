"""A tiny random chat model whose template has tool calls, in the form trl knows them in."""

SPECIAL = ("<|im_start|>", "<|im_end|>")


def build(folder):
    """Qwen's template over one layer; the tokenizer takes every text letter by letter, but four x at a time."""
    from importlib.resources import files

    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|pad|>", *letters, "xx", "xxxx"]
    inner = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, [("x", "x"), ("xx", "xx")]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=SPECIAL[1], pad_token="<|pad|>")
    made.add_special_tokens({"additional_special_tokens": [SPECIAL[0]]})
    made.add_tokens(["<tool_call>", "</tool_call>"])
    made.chat_template = (files("trl") / "chat_templates" / "qwen2_5.jinja").read_text()
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(made),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
    )
    network = Qwen2ForCausalLM(config)
    network.save_pretrained(folder)
    made.save_pretrained(folder)
    return str(folder)
