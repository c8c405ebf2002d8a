// OpenAI's own client for JavaScript against a server at AGENT0_URL; at AGENT0_NONE is one that has no engine.
import assert from 'node:assert/strict';
import test from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { filled, idle, look, metric, model, url, none, key, violin } from './common.mjs';

const client = new OpenAI({ baseURL: url + '/v1', apiKey: key, maxRetries: 0, timeout: 240_000 });
const chat = (more = {}, options) => client.chat.completions.create({ model, messages: [violin], temperature: 0, ...more }, options);

test('models', async () => {
  const list = [];
  for await (const m of client.models.list()) list.push(m.id);
  assert.deepEqual(list, [model]);
  assert.equal((await client.models.retrieve(model)).owned_by, 'agent0');
});

test('chat', async () => {
  const a = await chat({ messages: [{ role: 'developer', content: 'Be brief.' }, { role: 'user', content: [{ type: 'text', text: violin.content }] }], user: 'u', metadata: { a: 'b' } });
  assert.match(a.choices[0].message.content, /violin is a bowed stringed instrument/);
  assert.equal(a.choices[0].finish_reason, 'stop');
  assert.equal(a.choices[0].message.refusal, null);
  assert.equal(a.object, 'chat.completion');
  assert.equal(a.usage.total_tokens, a.usage.prompt_tokens + a.usage.completion_tokens);
  assert.ok(a._request_id);
});

test('stream with usage', async () => {
  const whole = await chat({ seed: 5, temperature: 1, n: 2 });
  const stream = await chat({ seed: 5, temperature: 1, n: 2, stream: true, stream_options: { include_usage: true } });
  const texts = ['', ''], ends = [];
  let usage;
  for await (const chunk of stream) {
    for (const c of chunk.choices) {
      texts[c.index] += c.delta.content ?? '';
      if (c.finish_reason) ends.push(c.finish_reason);
    }
    usage = chunk.usage ?? usage;
  }
  assert.deepEqual(texts, whole.choices.map((c) => c.message.content));
  assert.deepEqual(ends.sort(), whole.choices.map((c) => c.finish_reason).sort());
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);
});

test('the helper that puts a stream together', async () => {
  const runner = client.chat.completions.stream({ model, messages: [violin], temperature: 0 });
  let text = '';
  runner.on('content', (piece) => (text += piece));
  const done = await runner.finalChatCompletion();
  assert.equal(done.choices[0].message.content, text);
  assert.match(text, /^A violin is a bowed/);
});

test('n and seed', async () => {
  const open = { messages: [{ role: 'user', content: 'Tell me about zorgles' }], temperature: 2, top_p: 1, top_k: 0, min_p: 0, max_completion_tokens: 8 }; // two of them are llama.cpp's
  const ask = (seed, n) => chat({ seed, n, ...open }).then((a) => a.choices.map((c) => c.message.content));
  const three = await ask(7, 3);
  assert.ok(new Set(three).size >= 2);
  let same = 0; // a draw may fall on the border of two tokens
  for (const i of [0, 1, 2]) same += (await ask(7 + i, 1))[0] === three[i];
  assert.ok(same >= 2, `${same} of 3 are the same`);
});

test('stop', async () => {
  const a = await chat({ stop: ['stringed inst', 'never'] });
  assert.equal(a.choices[0].message.content, 'A violin is a bowed ');
  assert.equal(a.choices[0].finish_reason, 'stop');
  const short = await chat({ max_completion_tokens: 3 });
  assert.equal(short.choices[0].finish_reason, 'length');
  assert.equal(short.usage.completion_tokens, 3);
});

test('logprobs', async () => {
  const a = await chat({ logprobs: true, top_logprobs: 4 });
  const { content, refusal } = a.choices[0].logprobs;
  assert.equal(refusal, null);
  assert.equal(content.map((t) => t.token).join(''), a.choices[0].message.content);
  for (const t of content) {
    assert.equal(t.top_logprobs.length, 4);
    assert.equal(t.top_logprobs[0].token, t.token); // temperature 0
    assert.ok(t.logprob <= 0 && t.top_logprobs.reduce((sum, o) => sum + Math.exp(o.logprob), 0) <= 1.0001);
    assert.equal(Buffer.from(t.bytes).toString(), t.token);
  }
});

const Person = z.object({ name: z.string().max(20), age: z.number().int().min(0).max(150), tags: z.array(z.enum(['a', 'b'])).max(3), boss: z.boolean().nullable() });

test('json_schema', async () => {
  for (const seed of [1, 2, 3]) {
    const a = await client.chat.completions.parse({ model, messages: [violin], seed, temperature: 1, response_format: zodResponseFormat(Person, 'person') });
    assert.equal(a.choices[0].finish_reason, 'stop');
    Person.parse(a.choices[0].message.parsed);
  }
  const any = await chat({ response_format: { type: 'json_object' }, max_completion_tokens: 400 });
  if (any.choices[0].finish_reason === 'stop') assert.equal(typeof JSON.parse(any.choices[0].message.content), 'object');
});

test('tools that have to be called', async () => {
  for (const tool_choice of ['required', { type: 'function', function: { name: 'look' } }]) {
    const a = await chat({ tools: [look], tool_choice });
    assert.equal(a.choices[0].finish_reason, 'tool_calls');
    assert.equal(a.choices[0].message.content, null);
    const [call] = a.choices[0].message.tool_calls;
    assert.equal(call.function.name, 'look');
    assert.ok(Number.isInteger(JSON.parse(call.function.arguments).n));
    const after = await chat({ tools: [look], tool_choice: 'none', messages: [violin, a.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '7' }] });
    assert.equal(after.choices[0].message.tool_calls, undefined);
    assert.equal(after.choices[0].finish_reason, 'stop');
  }
});

test('tools that may be called', async () => {
  const a = await chat({ tools: [look] });
  assert.equal(a.choices[0].finish_reason, 'tool_calls');
  assert.equal(a.choices[0].message.content, 'A violin is a');
  const streamed = await client.chat.completions.stream({ model, messages: [violin], temperature: 0, tools: [look], tool_choice: 'auto' }).finalChatCompletion();
  assert.equal(streamed.choices[0].message.content, 'A violin is a');
  assert.deepEqual(streamed.choices[0].message.tool_calls.map((c) => c.function.arguments), a.choices[0].message.tool_calls.map((c) => c.function.arguments));
  const dog = await chat({ tools: [look], messages: [{ role: 'user', content: 'What is a dog?' }] });
  assert.equal(dog.choices[0].finish_reason, 'stop');
  assert.equal(dog.choices[0].message.tool_calls, undefined);
  assert.match(dog.choices[0].message.content, /^A dog is/);
});

test('the helper that calls tools', async () => {
  const seen = [];
  const run = client.chat.completions.runTools(
    { model, messages: [violin], temperature: 0, max_completion_tokens: 200,
      tools: [{ type: 'function', function: { ...look.function, parse: JSON.parse, function: (args) => { seen.push(args.n); return 'seen ' + args.n; } } }] },
    { maxChatCompletions: 2 });
  await run.done();
  assert.ok(seen.length >= 1 && seen.every(Number.isInteger));
  assert.ok(run.messages.some((m) => m.role === 'tool' && m.content === 'seen ' + seen[0]));
});

test('completions', async () => {
  const prompt = '<|im_start|>user\nWhat is a violin?<|im_end|>\n<|im_start|>assistant\n';
  const a = await client.completions.create({ model, prompt: [prompt, prompt], temperature: 0, logprobs: 2 });
  assert.equal(a.choices.length, 2);
  assert.match(a.choices[1].text, /bowed stringed instrument/);
  assert.equal(a.choices[0].logprobs.tokens.join(''), a.choices[0].text);
  let text = '';
  for await (const chunk of await client.completions.create({ model, prompt, temperature: 0, stream: true })) text += chunk.choices[0].text;
  assert.equal(text, a.choices[0].text);
});

test('errors', async () => {
  const wrong = new OpenAI({ baseURL: url + '/v1', apiKey: 'wrong', maxRetries: 0 });
  const asked = (c, more) => c.chat.completions.create({ model, messages: [violin], ...more });
  const fails = (promise, type, expected) => assert.rejects(promise, (e) => {
    assert.ok(e instanceof type, `${e.constructor.name}: ${e.message}`);
    for (const [k, v] of Object.entries(expected)) assert.equal(e[k], v, `${k} of ${e.message}`);
    return true;
  });
  await fails(asked(wrong), OpenAI.AuthenticationError, { status: 401, code: 'invalid_api_key' });
  await fails(asked(client, { temperature: 9 }), OpenAI.BadRequestError, { status: 400, param: 'temperature', code: 'invalid_value', type: 'invalid_request_error' });
  await fails(asked(client, { store: true }), OpenAI.BadRequestError, { param: 'store', code: 'unsupported_parameter' });
  await fails(asked(client, { stream: true, messages: [{ role: 'user', content: 'x '.repeat(9000) }] }), OpenAI.BadRequestError, { code: 'context_length_exceeded' });
  await fails(asked(client, { model: 'gone' }), OpenAI.NotFoundError, { status: 404, code: 'model_not_found' });
  await fails(client.models.retrieve('gone'), OpenAI.NotFoundError, { status: 404 });
  await fails(client.embeddings.create({ model, input: 'x' }), OpenAI.NotFoundError, { code: 'unknown_url' });
  const absent = new OpenAI({ baseURL: none + '/v1', apiKey: key, maxRetries: 0 });
  await assert.rejects(asked(absent), (e) => e instanceof OpenAI.InternalServerError && e.status === 503 && e.code === 'engine_unavailable' && e.headers.get('retry-after') >= 1);
});

test('abort', async () => {
  const abort = new AbortController();
  const before = await metric('agent0_tokens_total{type="generated"}');
  const stream = await chat({ ignore_eos: true, max_tokens: 1900, stream: true }, { signal: abort.signal });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break; // the client itself aborts here
  }
  await idle();
  const waiting = chat({ ignore_eos: true, max_tokens: 1900 }, { signal: abort.signal });
  await filled(1);
  abort.abort();
  await assert.rejects(waiting, OpenAI.APIUserAbortError);
  await idle();
  assert.ok((await metric('agent0_tokens_total{type="generated"}')) - before < 3000, 'both were computed to their end');
});

test('too many, and again later', async () => {
  const held = [];
  for (let i = 0; i < 4; i++) held.push(await chat({ ignore_eos: true, max_tokens: 1900, stream: true }));
  await assert.rejects(chat(), (e) => e instanceof OpenAI.RateLimitError && e.status === 429 && e.code === 'too_many_requests' && e.headers.get('retry-after') >= 1);
  const patient = chat({}, { maxRetries: 5 });
  for (const s of held) s.controller.abort();
  assert.match((await patient).choices[0].message.content, /violin/);
  await idle();
});

test('every field of the client is known', async () => {
  const { readFile } = await import('node:fs/promises');
  const page = await readFile(process.env.AGENT0_TABLE, 'utf8');
  let found = 0;
  for (const [file, name] of [['chat/completions/completions.d.ts', 'ChatCompletionCreateParamsBase'], ['completions.d.ts', 'CompletionCreateParamsBase']]) {
    const types = await readFile(new URL('node_modules/openai/resources/' + file, import.meta.url), 'utf8');
    const body = types.split(`export interface ${name} {`)[1].split('\n}\n')[0];
    for (const [, field] of body.matchAll(/^ {4}(\w+)\??:/gm)) {
      found++;
      assert.ok(page.includes(`\n| ${field} |`), field);
    }
  }
  assert.ok(found > 45, `${found} fields`);
});
