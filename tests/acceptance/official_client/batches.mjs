// Batches, as a program written for the official platform triggers and reads them.
import { auth, batch, idempotencyKeys, runs, task, tasks } from "@trigger.dev/sdk";

import { POLL, failing, tell, unique } from "./harness.mjs";

const echo = task({ id: "echo", run: async (payload) => payload });
const other = task({ id: "other", run: async (payload) => payload });

const outputs = (ids) => Promise.all(ids.map(async (id) => (await runs.poll(id, POLL)).output));

async function over(id) {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await batch.retrieve(id);
    if (!["PENDING", "PROCESSING"].includes(found.status)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`batch ${id} is not over`);
}

async function* numbers(count) {
  for (let n = 0; n < count; n += 1) {
    if (n === 3) await new Promise((resolve) => setTimeout(resolve, 300));
    yield { payload: { n } };
  }
}

const cases = {
  async tasks_batch_trigger() {
    const handle = await tasks.batchTrigger("echo", [
      { payload: { n: 0 } },
      { payload: "text", options: { tags: ["second"] } },
      { payload: { at: new Date(0) } },
    ]);
    const found = await over(handle.batchId);
    return { handle, found, outputs: await outputs(found.runs), tags: (await runs.retrieve(found.runs[1])).tags };
  },

  async batch_trigger_by_id() {
    const handle = await batch.trigger([
      { id: "echo", payload: { n: 1 } },
      { id: "ns/he llo", payload: {} },
      { id: "broken", payload: { n: 2 }, options: { maxAttempts: 1 } },
    ]);
    const found = await over(handle.batchId);
    const all = await Promise.all(found.runs.map((id) => runs.retrieve(id)));
    return { found, runs: all.map((run) => [run.taskIdentifier, run.status, run.batchId, run.triggerFunction]) };
  },

  async batch_trigger_by_task() {
    const handle = await batch.triggerByTask([
      { task: echo, payload: { n: 1 } },
      { task: other, payload: { n: 2 } },
    ]);
    return { outputs: await outputs((await over(handle.batchId)).runs) };
  },

  async a_stream() {
    const handle = await echo.batchTrigger(numbers(7));
    const found = await over(handle.batchId);
    return { runCount: handle.runCount, outputs: await outputs(found.runs) };
  },

  async many() {
    const items = Array.from({ length: 1000 }, (_, n) => ({ payload: { n }, options: { delay: "1h" } }));
    const handle = await tasks.batchTrigger("echo", items);
    const found = await batch.retrieve(handle.batchId);
    const last = await runs.retrieve(found.runs[999]);
    return { runCount: found.runCount, runs: new Set(found.runs).size, status: found.status, last: last.payload };
  },

  async too_many() {
    return failing(() => tasks.batchTrigger("echo", Array.from({ length: 1001 }, () => ({ payload: {} }))));
  },

  async a_key_of_a_batch() {
    const key = await idempotencyKeys.create(unique("batch"));
    const go = () => tasks.batchTrigger("echo", [{ payload: 1 }, { payload: 2 }], { idempotencyKey: key });
    const [first, second] = [await go(), await go()];
    return { same: first.batchId === second.batchId, found: await batch.retrieve(first.batchId) };
  },

  async a_key_of_an_item() {
    const options = { idempotencyKey: unique("item") };
    const handle = await tasks.batchTrigger("echo", [
      { payload: 1, options },
      { payload: 2, options },
      { payload: 3 },
    ]);
    return (await over(handle.batchId)).runs;
  },

  async an_item_that_can_not_be() {
    const handle = await tasks.batchTrigger("echo", [{ payload: 1 }, { payload: 2, options: { delay: "soon" } }]);
    return over(handle.batchId);
  },

  async a_malformed_item() {
    return failing(() => tasks.batchTrigger("echo", [{ payload: 1, options: { machine: "huge-9x" } }]));
  },

  async public_tokens() {
    const token = await auth.createBatchTriggerPublicToken("echo", { multipleUse: true });
    const as = (accessToken, action) => auth.withAuth({ accessToken }, action);
    const handle = await as(token, () => tasks.batchTrigger("echo", [{ payload: 1 }]));
    const found = await as(handle.publicAccessToken, () => batch.retrieve(handle.batchId));
    return {
      id: handle.batchId,
      found: found.id,
      run: (await as(handle.publicAccessToken, () => runs.retrieve(found.runs[0]))).id === found.runs[0],
      otherTask: await as(token, () => failing(() => tasks.batchTrigger("other", [{ payload: 1 }]))),
    };
  },

  async no_such_batch() {
    return failing(() => batch.retrieve("batch_nope"));
  },
};

await tell(cases);
