// Tokens, as a program of the official platform makes, lists and completes them; Python tasks wait for them.
import { auth, runs, tasks, wait } from "@trigger.dev/sdk";

import { POLL, failing, tell, unique } from "./harness.mjs";

async function until(handle, status) {
  let run = await runs.retrieve(handle.id);
  while (run.status !== status) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    run = await runs.retrieve(handle.id);
  }
  return run;
}

async function tokens(filter) {
  const found = [];
  for await (const token of wait.listTokens(filter)) found.push(token.id);
  return found;
}

const cases = {
  async a_token_that_a_task_waits_for() {
    const token = await wait.createToken({ timeout: "10m", tags: [unique("for-a-task")] });
    const before = await wait.retrieveToken(token);
    const handle = await tasks.trigger("asks", { token: token.id });
    const waiting = await until(handle, "WAITING");
    const completed = await wait.completeToken(token, { approved: true, by: "node" });
    const again = await wait.completeToken(token, { approved: false, by: "somebody else" });
    return { token, before, waiting, completed, again, run: await runs.poll(handle, POLL), after: await wait.retrieveToken(token.id) };
  },

  async a_token_that_a_task_makes() {
    const tag = unique("of-a-task");
    const handle = await tasks.trigger("makes-a-token", { tag });
    await until(handle, "WAITING");
    const [token] = await tokens({ tags: [tag], status: "WAITING" });
    await wait.completeToken(token, { approved: true, by: "a list" });
    return { run: await runs.poll(handle, POLL), waiting: await tokens({ tags: [tag], status: "WAITING" }) };
  },

  async a_token_in_a_browser() {
    const token = await wait.createToken();
    const other = await wait.createToken();
    const handle = await tasks.trigger("asks", { token: token.id });
    await until(handle, "WAITING");
    const inBrowser = (action) => auth.withAuth({ accessToken: token.publicAccessToken }, action);
    return {
      other: await inBrowser(() => failing(() => wait.completeToken(other, {}))),
      list: await inBrowser(() => failing(() => tokens())),
      completed: await inBrowser(() => wait.completeToken(token, { approved: true, by: "a browser" })),
      run: await runs.poll(handle, POLL),
    };
  },

  async a_token_by_its_url() {
    const token = await wait.createToken();
    const handle = await tasks.trigger("asks", { token: token.id });
    await until(handle, "WAITING");
    const body = JSON.stringify({ approved: true, by: "a web hook" });
    const answer = await fetch(token.url, { method: "POST", body });
    return { status: answer.status, told: await answer.json(), run: await runs.poll(handle, POLL) };
  },

  async a_token_nobody_answers() {
    const token = await wait.createToken({ timeout: "1s" });
    const handle = await tasks.trigger("asks", { token: token.id }, { maxAttempts: 1 });
    const run = await runs.poll(handle, POLL);
    const found = await wait.retrieveToken(token);
    return { run, status: found.status, message: found.error.message, output: found.output, kind: found.error.name };
  },

  async list_of_tokens() {
    const tag = unique("listed");
    const made = [];
    for (let i = 0; i < 3; i++) made.push((await wait.createToken({ tags: [tag, `${tag}-${i}`] })).id);
    const key = unique("token-key");
    const first = await wait.createToken({ idempotencyKey: key, idempotencyKeyTTL: "60s" });
    const second = await wait.createToken({ idempotencyKey: key, idempotencyKeyTTL: "60s" });
    await wait.completeToken(made[0]);
    const page = await wait.listTokens({ tags: tag, limit: 2 });
    return {
      made,
      all: await tokens({ tags: tag }),
      paged: await tokens({ tags: [tag], limit: 2 }),
      firstPage: page.data.map((token) => token.id),
      waiting: await tokens({ tags: [tag], status: ["WAITING"] }),
      completed: await tokens({ tags: [tag], status: "COMPLETED" }),
      byTag: await tokens({ tags: [`${tag}-1`], period: "1h" }),
      byKey: await tokens({ idempotencyKey: key }),
      first,
      second,
      one: page.data[0],
      createdIsDate: page.data[0].createdAt instanceof Date,
    };
  },

  async token_errors() {
    return {
      unknown: await failing(() => wait.completeToken("waitpoint_nope", {})),
      unknownShown: await failing(() => wait.retrieveToken("waitpoint_nope")),
      noTime: await failing(() => wait.createToken({ timeout: "0s" })),
      past: await failing(() => wait.createToken({ timeout: new Date(0) })),
      outside: await failing(() => wait.forToken("waitpoint_nope")),
    };
  },
};

await tell(cases);
