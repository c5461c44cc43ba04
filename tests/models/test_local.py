"""Weights in this process, on a tiny random Llama made on the spot."""

import asyncio
from dataclasses import replace
from importlib.util import find_spec

import pytest

from delegate.errors import MissingExtraError, ModelError, SpecError
from delegate.message import Message, Request, Sampling, Tool
from delegate.models.local import Local
from delegate.price import Price
from delegate.testing import check_model
from tinyllama import build, tokenizer

HERE = all(find_spec(name) is not None for name in ("torch", "transformers"))
needs_torch = pytest.mark.skipif(not HERE, reason="needs the extra `local`: torch and transformers")
QUESTION = Request.of("abc?", max_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def local(folder):
    return Local(model=folder, device="cpu", name="mine")


async def ask(model, *requests):
    return await asyncio.gather(*(model.complete(request) for request in requests))


class TestArguments:
    def test_without_the_extra_it_is_named(self, monkeypatch):
        monkeypatch.setattr("delegate.models.local.find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r"local model 'x' needs .* pip install 'delegate\[local\]'"):
            Local(model="x")

    @needs_torch
    @pytest.mark.parametrize(
        ("fields", "problem"),
        [({"model": ""}, "`model` must be"), ({"model": "x", "batch": 0}, "`batch` must be at least 1, found 0")],
    )
    def test_that_cannot_work_are_refused(self, fields, problem):
        with pytest.raises(SpecError, match=problem):
            Local(**fields)

    @needs_torch
    async def test_weights_that_are_not_there_are_named(self, tmp_path):
        with pytest.raises(SpecError, match="nothing cannot be loaded"):
            await Local(model=str(tmp_path / "nothing")).complete(QUESTION)


@needs_torch
class TestAnswer:
    async def test_is_a_model(self, local):
        await check_model(local, QUESTION)

    async def test_greedy_is_what_transformers_itself_says(self, local, folder):
        import torch
        from transformers import AutoModelForCausalLM

        requests = [
            Request.of(text, max_tokens=12, temperature=0.0, logprobs=2) for text in ("a", "abc 12?", "h", "0 0")
        ]
        completions = await ask(local, *requests)
        network, words = AutoModelForCausalLM.from_pretrained(folder), tokenizer()

        for request, completion in zip(requests, completions, strict=True):
            prompt = words(f"<|user|>{request.question}<|end|><|assistant|>", return_tensors="pt").input_ids
            said = network.generate(prompt, do_sample=False, max_new_tokens=12)[0, prompt.shape[1] :].tolist()
            assert completion.text == words.decode([token for token in said if token != 0])
            assert completion.usage.input_tokens == prompt.shape[1]
            assert completion.usage.output_tokens == len(said)
            logits = network(torch.cat([prompt[0], torch.tensor(said)])[None]).logits[0, prompt.shape[1] - 1 : -1]
            expected = logits.log_softmax(-1).max(-1).values.tolist()
            kept = zip(completion.logprobs, expected, strict=False)
            assert all(told.logprob == pytest.approx(value, abs=1e-4) for told, value in kept)
            assert all(max(told.top, key=told.top.get) == told.token for told in completion.logprobs)

    async def test_a_seed_decides_alone_and_together(self, local):
        requests = [Request.of("abc?", max_tokens=12, temperature=t, top_p=p, seed=s) for t, p, s in SETTINGS]
        together = await ask(local, *requests)
        alone = [(await ask(local, request))[0] for request in requests]

        assert [c.text for c in together] == [c.text for c in alone]

    async def test_draws_without_a_seed_differ_and_can_be_had_again(self, local):
        draws = [QUESTION.draw(i) for i in range(6)]
        first, second = await ask(local, *draws), await ask(local, *draws)

        assert [c.text for c in first] == [c.text for c in second]
        assert len({c.text for c in first}) == 6

    async def test_each_request_ends_by_itself(self, local):
        short, long = (
            Request.of("abc?", max_tokens=2, temperature=0.0),
            Request.of("abc?", max_tokens=9, temperature=0.0),
        )
        first, second = await ask(local, short, long)
        (cut,) = await ask(local, replace(long, sampling=replace(long.sampling, stop=(second.text[3],))))

        assert (first.text, first.finish_reason) == (second.text[: len(first.text)], "length")
        assert cut.text == second.text[: second.text.index(second.text[3])]
        assert cut.finish_reason == "stop"

    async def test_streams_the_same_answer(self, local):
        pieces = []
        completion = await local.complete(QUESTION, emit=pieces.append)

        assert "".join(pieces) == completion.text == (await local.complete(QUESTION)).text
        assert len(pieces) > 1

    async def test_more_than_a_batch_waits_its_turn(self, folder):
        model = Local(model=folder, device="cpu", batch=3)
        said = [c.text for c in await ask(model, *(QUESTION.draw(i) for i in range(10)))]
        assert len(said) == 10
        assert len(set(said)) > 5  # two short draws may say the same

    async def test_who_gives_up_does_not_hold_the_others(self, local):
        long = Request.of("abc?", temperature=2.0)
        leaver = asyncio.create_task(local.complete(long))
        await asyncio.sleep(0.02)
        leaver.cancel()

        assert (await local.complete(QUESTION)).usage.calls == 1

    async def test_costs_nobody_knows_what_or_what_its_time_costs(self, local):
        timed = replace(local, price=Price(per_second=1.0))
        free, charged = (await ask(local, QUESTION))[0], (await ask(timed, QUESTION))[0]

        assert free.usage.cost is None
        assert 0 < charged.usage.cost < 10

    async def test_what_does_not_fit_is_refused(self, local):
        with pytest.raises(ModelError, match="refused: the prompt has 153 tokens, and 128 is the most"):
            await local.complete(Request.of("a" * 150))


SETTINGS = [(0.0, 1.0, 1), (0.7, 0.9, 2), (1.0, 1.0, 3), (1.0, 0.5, 4), (1.3, 0.8, 5)]


@needs_torch
class TestModel:
    async def test_its_template_shows_tools_and_its_format_says_what_calls_are(self, folder, tmp_path):
        template = tmp_path / "template.jinja"
        template.write_text("{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}<|assistant|>")
        model = Local(model=folder, device="cpu", template=template)
        request = Request(messages=(Message(role="user", content="a"),), sampling=Sampling(max_tokens=1))
        plain, offered = await ask(model, request, replace(request, tools=(Tool(name="abc"),)))

        assert (plain.usage.input_tokens, offered.usage.input_tokens) == (1, 5)

    async def test_without_a_template_it_cannot_be_asked(self, tmp_path):
        folder = build(tmp_path / "bare")
        (tmp_path / "bare" / "chat_template.jinja").unlink()
        with pytest.raises(SpecError, match="has no chat template; name a Jinja file"):
            await Local(model=folder, device="cpu").complete(QUESTION)

    async def test_a_tokenizer_of_its_own_is_not_replaced_by_that_of_the_family(self, tmp_path):
        model = Local(model=build(tmp_path / "qwen", family="Qwen2"), device="cpu")
        (completion,) = await ask(model, Request.of("abc 12?", max_tokens=3))

        assert completion.usage.input_tokens == len("abc 12?") + 3

    async def test_its_generation_config_decides_where_nothing_is_said(self, tmp_path):
        greedy = Local(model=build(tmp_path / "greedy", do_sample=False), device="cpu")
        top = Local(model=build(tmp_path / "top", do_sample=True, top_k=1, temperature=2.0), device="cpu")
        request = Request.of("abc?", max_tokens=12)
        expected = (await ask(greedy, Request.of("abc?", max_tokens=12, temperature=0.0)))[0].text

        assert {c.text for c in await ask(greedy, *(request.draw(i) for i in range(4)))} == {expected}
        assert {c.text for c in await ask(top, *(request.draw(i) for i in range(4)))} == {expected}

    @pytest.mark.skipif(find_spec("peft") is None, reason="needs peft")
    @pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for the old name
    async def test_an_adapter_is_merged_into_it(self, folder, tmp_path):
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        torch.manual_seed(2)
        settings = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), settings)
        adapted.save_pretrained(tmp_path / "adapter")
        adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
        tokenizer().save_pretrained(tmp_path / "merged")
        request = Request.of("abc?", max_tokens=12, temperature=0.0)
        models = [
            Local(model=folder, device="cpu", adapter=str(tmp_path / "adapter")),
            Local(model=str(tmp_path / "merged"), device="cpu"),
            Local(model=folder, device="cpu"),
        ]
        adapter, merged, base = [(await ask(model, request))[0].text for model in models]

        assert adapter == merged != base

    async def test_declares_its_own_format_of_calls(self, tmp_path):
        from delegate.generation.tokens import _parse

        made = tokenizer()
        made.response_template = {
            "defaults": {"role": "assistant"},
            "start_anchor": "<|assistant|>",
            "fields": {
                "content": {},
                "tool_calls": {"open": "[", "close": "]", "repeats": True, "content": "json"},
            },
        }
        content, calls = _parse(made, 'I add. [{"function": {"name": "add", "arguments": {"a": 1}}}]', "call")

        assert content.strip() == "I add."
        assert [(call.id, call.name, call.arguments) for call in calls] == [("call_0", "add", '{"a": 1}')]
