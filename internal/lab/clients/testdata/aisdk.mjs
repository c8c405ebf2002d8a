// Vercel's AI SDK with its provider for servers like OpenAI's, against a server at AGENT0_URL; at AGENT0_NONE is one that has
// no engine.
import assert from 'node:assert/strict';
import test from 'node:test';
import { APICallError, RetryError, Output, generateObject, generateText, isStepCount, streamText, stepCountIs, tool } from 'ai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { z } from 'zod';
import { filled, idle, metric, model as name, url, none, key } from './common.mjs';

const provider = (more = {}) => createOpenAICompatible({ name: 'agent0', baseURL: url + '/v1', apiKey: key, includeUsage: true, supportsStructuredOutputs: true, ...more });
const model = provider()(name);
const prompt = 'What is a violin?';
const steps = stepCountIs ?? isStepCount;

test('text', async () => {
  const a = await generateText({ model, prompt, system: 'Be brief.', temperature: 0 });
  assert.match(a.text, /violin is a bowed/);
  assert.equal(a.finishReason, 'stop');
  assert.equal(a.usage.totalTokens, a.usage.inputTokens + a.usage.outputTokens);
  assert.deepEqual((a.warnings ?? []).length, 0);
});

test('settings', async () => {
  const ask = (more) => generateText({ model, prompt, maxOutputTokens: 4, ...more });
  const a = await ask({ seed: 3, temperature: 1.5, topP: 0.9, presencePenalty: 0.5, frequencyPenalty: 0.5 });
  const b = await ask({ seed: 3, temperature: 1.5, topP: 0.9, presencePenalty: 0.5, frequencyPenalty: 0.5 });
  assert.equal(a.text, b.text);
  assert.equal((await ask({ temperature: 0, maxOutputTokens: 2 })).finishReason, 'length');
  assert.equal((await ask({ temperature: 0, maxOutputTokens: 30, stopSequences: ['wed str'] })).text.trim(), 'A violin is a bo');
});

test('stream', async () => {
  const whole = await generateText({ model, prompt, temperature: 0 });
  const s = streamText({ model, prompt, temperature: 0 });
  let text = '';
  for await (const piece of s.textStream) text += piece;
  assert.equal(text, whole.text);
  assert.equal(await s.finishReason, 'stop');
  assert.deepEqual((await s.usage).outputTokens, whole.usage.outputTokens);
});

const schema = z.object({ title: z.string().max(16), pages: z.number().int().min(1).max(999), kind: z.enum(['novel', 'poem']), parts: z.array(z.object({ n: z.number().int().max(9).min(0) })).max(2) });

test('objects', async () => {
  for (const seed of [1, 2, 3]) {
    const a = await generateObject({ model, prompt, schema, seed, temperature: 1 });
    schema.parse(a.object);
    const b = await generateText({ model, prompt, seed, temperature: 1, output: Output.object({ schema }) });
    schema.parse(b.output);
  }
  const s = streamText({ model, prompt, temperature: 0, output: Output.object({ schema }) });
  let last;
  for await (const partial of s.partialOutputStream) last = partial;
  schema.parse(last);
  const choice = await generateText({ model, prompt, temperature: 0, output: Output.choice({ options: ['yes', 'no'] }) });
  assert.ok(['yes', 'no'].includes(choice.output));
});

const tools = (seen) => ({
  look: tool({ description: 'looks', inputSchema: z.object({ n: z.number().int().min(0).max(99) }), execute: async ({ n }) => { seen.push(n); return { found: n }; } }),
});

test('tools', async () => {
  for (const toolChoice of ['auto', 'required', { type: 'tool', toolName: 'look' }]) {
    const seen = [];
    const a = await generateText({ model, prompt, temperature: 0, tools: tools(seen), toolChoice });
    assert.equal(a.finishReason, 'tool-calls');
    assert.equal(a.toolCalls[0].toolName, 'look');
    assert.deepEqual(a.toolCalls.map((c) => c.input.n), seen);
    assert.equal(a.text, toolChoice === 'auto' ? 'A violin is a' : '');
  }
  const seen = [];
  const more = await generateText({ model, prompt, temperature: 0, maxOutputTokens: 200, tools: tools(seen), stopWhen: steps(2) });
  assert.equal(more.steps.length, 2);
  assert.ok(seen.length >= 1);
  const s = streamText({ model, prompt, temperature: 0, tools: tools([]) });
  const parts = [];
  for await (const p of s.fullStream ?? s.stream) parts.push(p.type);
  assert.ok(parts.includes('tool-call') && parts.includes('tool-result') && parts.includes('text-delta') && !parts.includes('error'), parts.join());
});

test('completions', async () => {
  const a = await generateText({ model: provider().completionModel(name), prompt, temperature: 0, maxOutputTokens: 5 });
  assert.equal(a.finishReason, 'length');
  assert.ok(a.text.length > 0);
});

test('errors', async () => {
  const fails = (from, status, more = {}) => assert.rejects(generateText({ model: from, prompt, maxRetries: 0, ...more }), (e) => {
    assert.ok(APICallError.isInstance(e), e.constructor.name + ': ' + e.message);
    assert.equal(e.statusCode, status, e.message);
    assert.equal(e.isRetryable, status === 503);
    assert.ok(e.message.length > 10 && e.responseBody.includes('"error"'));
    return true;
  });
  await fails(provider({ apiKey: 'wrong' })(name), 401);
  await fails(provider()('gone'), 404);
  await fails(model, 400, { temperature: 7 });
  await fails(provider({ baseURL: none + '/v1' })(name), 503);
});

const long = { prompt, maxRetries: 0, maxOutputTokens: 1900, providerOptions: { agent0: { ignore_eos: true } } };

test('abort', async () => {
  const before = await metric('agent0_tokens_total{type="generated"}');
  const abort = new AbortController();
  const one = generateText({ model, ...long, abortSignal: abort.signal });
  const two = streamText({ model, ...long, abortSignal: abort.signal });
  const rejected = assert.rejects(one, { name: 'AbortError' });
  let end;
  for await (const p of two.fullStream ?? two.stream) {
    end = p.type;
    if (p.type === 'text-delta' && !abort.signal.aborted) { // some are on their way when it is aborted
      await filled(2);
      abort.abort();
    }
  }
  assert.equal(end, 'abort');
  await rejected;
  await idle();
  assert.ok((await metric('agent0_tokens_total{type="generated"}')) - before < 3000, 'both were computed to their end');
});

test('too many', async () => {
  const abort = new AbortController();
  const held = [1, 2, 3, 4].map(() => assert.rejects(generateText({ model, ...long, abortSignal: abort.signal }), { name: 'AbortError' }));
  await filled(4);
  await assert.rejects(generateText({ model, prompt, maxRetries: 1 }), (e) => RetryError.isInstance(e) && e.lastError.statusCode === 429);
  const patient = generateText({ model, prompt, temperature: 0, maxRetries: 5 });
  abort.abort();
  await Promise.all(held);
  assert.match((await patient).text, /violin/);
  await idle();
});
