// What a program written for the official platform does, told as JSON: one line for each case.
import { auth, idempotencyKeys, runs, tasks } from "@trigger.dev/sdk";

import { POLL, failing, tell, unique } from "./harness.mjs";

async function listed(filter) {
  const found = [];
  for await (const run of runs.list(filter)) found.push(run);
  return found;
}

const cases = {
  async a_run_goes_all_the_way() {
    const handle = await tasks.trigger("echo", { text: "hello", at: new Date(0) });
    const run = await runs.poll(handle, POLL);
    return { handle, run, finishedIsDate: run.finishedAt instanceof Date, startedIsDate: run.startedAt instanceof Date };
  },

  async all_options() {
    const handle = await tasks.trigger(
      "echo",
      { a: 1, d: new Date(0) },
      {
        queue: "my-q",
        concurrencyKey: "ck",
        idempotencyKey: unique("all-options"),
        idempotencyKeyTTL: "60s",
        delay: "1h",
        ttl: "10m",
        tags: ["x", "y"],
        maxAttempts: 3,
        metadata: { m: 1 },
        maxDuration: 60,
        machine: "small-2x",
        priority: 5,
        region: "us-east-1",
      },
    );
    return { handle, run: await runs.retrieve(handle), now: Date.now() };
  },

  async payloads() {
    const values = { text: "plain", number: 7, nothing: null, list: [1, [2]], flag: false, deep: { a: { b: "ü€😀" } } };
    const outputs = {};
    for (const [name, value] of Object.entries(values)) {
      const run = await runs.poll(await tasks.trigger("echo", value), POLL);
      outputs[name] = run.output?.got ?? null;
    }
    const none = await runs.poll(await tasks.trigger("echo"), POLL);
    return { values, outputs, none: { status: none.status, hasPayload: none.payload !== undefined } };
  },

  async a_task_id_with_a_slash() {
    const run = await runs.poll(await tasks.trigger("ns/he llo", { text: "x" }), POLL);
    return { task: run.taskIdentifier, status: run.status };
  },

  async a_run_that_fails() {
    const run = await runs.poll(await tasks.trigger("broken", { text: "no" }, { maxAttempts: 1 }), POLL);
    return { run };
  },

  async a_run_that_is_retried() {
    const run = await runs.poll(await tasks.trigger("flaky", {}), POLL);
    return { run };
  },

  async list_with_filters() {
    const tag = unique("listed");
    const made = [];
    for (let i = 0; i < 5; i++) made.push((await tasks.trigger("echo", { i }, { tags: [tag], delay: "1h" })).id);
    const other = await tasks.trigger("other", {}, { tags: [tag], delay: "1h", queue: "side" });
    const pages = await listed({ tag, limit: 2 });
    const first = await runs.list({ tag, limit: 2 });
    const second = await first.getNextPage();
    const back = await second.getPreviousPage();
    return {
      made,
      other: other.id,
      all: pages.map((run) => run.id),
      firstPage: first.data.map((run) => run.id),
      secondPage: second.data.map((run) => run.id),
      backAgain: back.data.map((run) => run.id),
      hasNext: first.hasNextPage(),
      byTask: (await listed({ tag, taskIdentifier: "other" })).map((run) => run.id),
      byTasks: (await listed({ tag, taskIdentifier: ["echo", "other"] })).length,
      byStatus: (await listed({ tag, status: ["DELAYED", "EXECUTING"] })).length,
      byOtherStatus: (await listed({ tag, status: "COMPLETED" })).length,
      byQueue: (await listed({ tag, queue: { type: "custom", name: "side" } })).map((run) => run.id),
      byTaskQueue: (await listed({ tag, queue: { type: "task", name: "echo" } })).length,
      isTest: (await listed({ tag, isTest: true })).length,
      isNotTest: (await listed({ tag, isTest: false })).length,
      since: (await listed({ tag, from: new Date(Date.now() - 3600_000) })).length,
      until: (await listed({ tag, to: new Date(Date.now() - 3600_000) })).length,
      period: (await listed({ tag, period: "1h" })).length,
      one: pages[0],
    };
  },

  async cancel() {
    const delayed = await tasks.trigger("echo", {}, { delay: "1h" });
    const canceled = await runs.cancel(delayed.id);
    const again = await runs.cancel(delayed.id);
    return { id: delayed.id, canceled, again, run: await runs.retrieve(delayed.id) };
  },

  async cancel_while_it_executes() {
    const handle = await tasks.trigger("sleeper", {});
    let run = await runs.retrieve(handle.id);
    while (!run.isExecuting || run.status !== "EXECUTING") {
      await new Promise((resolve) => setTimeout(resolve, 50));
      run = await runs.retrieve(handle.id);
    }
    await runs.cancel(handle.id);
    return { run: await runs.poll(handle, POLL) };
  },

  async replay() {
    const first = await runs.poll(await tasks.trigger("echo", { n: 1, d: new Date(0) }, { tags: ["kept"] }), POLL);
    const replayed = await runs.poll(await runs.replay(first.id), POLL);
    return { first, replayed };
  },

  async replay_with_another_payload() {
    const first = await runs.poll(await tasks.trigger("echo", { n: 1 }, { tags: ["kept"] }), POLL);
    const changed = await runs.replay(first.id, { payload: { n: 2 }, tags: ["new"], metadata: { by: "me" } });
    return { first, replayed: await runs.poll(changed, POLL) };
  },

  async reschedule() {
    const handle = await tasks.trigger("echo", {}, { delay: "1h" });
    const later = await runs.reschedule(handle.id, { delay: "2h" });
    const moment = await runs.reschedule(handle.id, { delay: new Date(Date.now() + 600_000) });
    return { id: handle.id, later, moment, now: Date.now() };
  },

  async idempotency() {
    const key = await idempotencyKeys.create([unique("key"), "part"], { scope: "global" });
    const first = await tasks.trigger("echo", { n: 1 }, { idempotencyKey: key, delay: "1h" });
    const second = await tasks.trigger("echo", { n: 2 }, { idempotencyKey: key, delay: "1h" });
    const elsewhere = await tasks.trigger("other", { n: 2 }, { idempotencyKey: key, delay: "1h" });
    const reset = await idempotencyKeys.reset("echo", [unique("key"), "part"], { scope: "global" });
    const third = await tasks.trigger("echo", { n: 3 }, { idempotencyKey: key, delay: "1h" });
    const shown = await runs.retrieve(first.id);
    return { first, second, elsewhere, reset, third, shownKey: shown.idempotencyKey };
  },

  async reset_of_an_unknown_key() {
    return await failing(() => idempotencyKeys.reset("echo", unique("never"), { scope: "global" }));
  },

  async public_token() {
    const mine = await tasks.trigger("echo", {}, { delay: "1h", tags: [unique("seen")] });
    const other = await tasks.trigger("other", {}, { delay: "1h" });
    const token = await auth.createPublicToken({ scopes: { read: { runs: [mine.id] } } });
    const byTag = await auth.createPublicToken({ scopes: { read: { tags: [unique("seen")] } } });
    const as = (accessToken, action) => auth.withAuth({ accessToken }, action);
    return {
      mine: mine.id,
      seen: (await as(token, () => runs.retrieve(mine.id))).id,
      byTag: (await as(byTag, () => runs.retrieve(mine.id))).id,
      other: await as(token, () => failing(() => runs.retrieve(other.id))),
      write: await as(token, () => failing(() => runs.cancel(mine.id))),
      list: await as(token, () => failing(() => runs.list())),
      secretOnly: await as(token, () => failing(() => runs.replay(mine.id))),
    };
  },

  async token_of_a_handle() {
    const handle = await tasks.trigger("echo", {}, { delay: "1h" });
    const seen = await auth.withAuth({ accessToken: handle.publicAccessToken }, () => runs.retrieve(handle.id));
    return { id: handle.id, seen: seen.id, token: handle.publicAccessToken };
  },

  async trigger_token_is_used_once() {
    const token = await auth.createTriggerPublicToken("echo");
    const many = await auth.createTriggerPublicToken("echo", { multipleUse: true });
    const as = (accessToken, action) => auth.withAuth({ accessToken }, action);
    const go = () => tasks.trigger("echo", {}, { delay: "1h" });
    return {
      first: await as(token, go),
      second: await as(token, () => failing(go)),
      otherTask: await as(many, () => failing(() => tasks.trigger("other", {}))),
      many: [await as(many, go), await as(many, go)],
    };
  },

  async bursts_are_debounced() {
    const burst = async (mode, items) => {
      const debounce = { key: unique("debounce"), delay: "1s", maxDelay: "1m", mode };
      const handles = [];
      for (const item of items) handles.push(await tasks.trigger("echo", item, { debounce, tags: [`t${item}`] }));
      return { ids: handles.map((handle) => handle.id), run: await runs.poll(handles[0], POLL) };
    };
    return {
      leading: await burst(undefined, [1, 2, 3]),
      trailing: await burst("trailing", [1, 2, 3]),
      tooShort: await failing(() => tasks.trigger("echo", 1, { debounce: { key: "k", delay: "10ms" } })),
    };
  },

  async errors() {
    const wrongKey = (action) => auth.withAuth({ secretKey: "tr_dev_thisIsNoKeyOfThisServer000000" }, action);
    return {
      notFound: await failing(() => runs.retrieve("run_nope")),
      wrongKey: await wrongKey(() => failing(() => runs.retrieve("run_nope"))),
      badToken: await auth.withAuth({ accessToken: "a.b.c" }, () => failing(() => runs.retrieve("run_nope"))),
      badStatus: await failing(() => runs.list({ status: "NONSENSE" })),
      badDelay: await failing(() => tasks.trigger("echo", {}, { delay: "soon" })),
      badMachine: await failing(() => tasks.trigger("echo", {}, { machine: "huge-9x" })),
      tooManyTags: await failing(() => tasks.trigger("echo", {}, { tags: Array.from({ length: 11 }, (_, i) => `t${i}`) })),
      cancelUnknown: await failing(() => runs.cancel("run_nope")),
      replayUnknown: await failing(() => runs.replay("run_nope")),
      rescheduleDone: await failing(async () => {
        const run = await runs.poll(await tasks.trigger("echo", {}), POLL);
        await runs.reschedule(run.id, { delay: "1h" });
      }),
      isInstanceOfError: (await failing(() => runs.retrieve("run_nope"))).isApiError,
    };
  },
};

await tell(cases);
