// What the scripts have in common.
export const url = process.env.AGENT0_URL, none = process.env.AGENT0_NONE, key = process.env.AGENT0_KEY;
export const model = 'agent0-tiny';
export const violin = { role: 'user', content: 'What is a violin?' };
export const look = {
  type: 'function',
  function: {
    name: 'look', description: 'looks',
    parameters: { type: 'object', properties: { n: { type: 'integer', minimum: 0, maximum: 99 } }, required: ['n'], additionalProperties: false },
  },
};

const running = async () => (await (await fetch(url + '/health')).json()).engine.running;

async function until(what, holds) {
  const end = Date.now() + 240_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it does not come to this: ' + what);
    await new Promise((done) => setTimeout(done, 20));
  }
}

// idle waits until the engine computes nothing, filled until it computes n sequences.
export const idle = () => until('nothing is computed', async () => (await running()) === 0);
export const filled = (n) => until(n + ' are computed', async () => (await running()) === n);

export async function metric(name) {
  const text = await (await fetch(url + '/metrics', { headers: { authorization: 'Bearer ' + key } })).text();
  return Number(text.split('\n').find((l) => l.startsWith(name + ' ')).split(' ')[1]);
}
