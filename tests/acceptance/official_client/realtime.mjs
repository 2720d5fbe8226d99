// Runs as they change, streams and inputs, as a program of the official platform watches, reads and sends them.
import { auth, batch, runs, streams, tasks } from "@trigger.dev/sdk";

import { failing, tell, unique } from "./harness.mjs";

const approval = streams.input({ id: "approval" });
const WORDS = ["one", "two", "three"];

async function untilWaiting(handle) {
  for await (const run of runs.subscribeToRun(handle)) if (run.status === "WAITING") return run;
}

const cases = {
  async a_run_from_its_trigger_to_its_end() {
    const handle = await tasks.trigger("streams", { words: WORDS }, { tags: ["a b"] });
    const seen = [];
    for await (const run of runs.subscribeToRun(handle)) {
      seen.push(run);
      if (run.status === "WAITING" && seen.filter((one) => one.status === "WAITING").length === 1)
        await approval.send(handle.id, { by: "node" });
    }
    const last = seen.at(-1);
    return { statuses: seen.map((run) => run.status), last, isDate: last.createdAt instanceof Date && last.finishedAt instanceof Date };
  },

  async a_run_without_some_columns() {
    const handle = await tasks.trigger("streams", { words: WORDS });
    for await (const run of runs.subscribeToRun(handle, { skipColumns: ["payload", "metadata"] }))
      return { payload: run.payload ?? null, metadata: run.metadata ?? null, task: run.taskIdentifier };
  },

  async runs_of_a_tag() {
    const tag = unique("watched");
    const seen = [];
    const first = await tasks.trigger("streams", { words: WORDS }, { tags: [tag] });
    let second;
    for await (const run of runs.subscribeToRunsWithTag(tag)) {
      seen.push(run.id);
      if (!second) second = await tasks.trigger("streams", { words: WORDS }, { tags: [tag] });
      if (seen.includes(second.id)) break;
    }
    return { first: first.id, second: second.id, seen };
  },

  async runs_of_a_batch() {
    const made = await batch.trigger([
      { id: "streams", payload: { words: ["x"] } },
      { id: "streams", payload: { words: ["y"] } },
    ]);
    const waiting = new Set();
    const ended = {};
    for await (const run of runs.subscribeToBatch(made.batchId)) {
      if (run.status === "WAITING" && !waiting.has(run.id)) {
        waiting.add(run.id);
        await approval.send(run.id, { by: "batch" });
      }
      if (run.finishedAt) ended[run.id] = run.output;
      if (Object.keys(ended).length === 2) break;
    }
    return { outputs: Object.values(ended) };
  },

  async a_stream_with_its_run() {
    const handle = await tasks.trigger("streams", { words: WORDS });
    await untilWaiting(handle);
    await approval.send(handle.id, { by: "node" });
    const chunks = [];
    let status;
    for await (const part of runs.subscribeToRun(handle).withStreams()) {
      if (part.type === "run") status = part.run.status;
      else chunks.push([part.type, part.chunk]);
      if (chunks.length === WORDS.length) break;
    }
    return { chunks, status };
  },

  async a_stream_by_itself() {
    const handle = await tasks.trigger("streams", { words: WORDS });
    await untilWaiting(handle);
    await approval.send(handle.id, { by: "node" });
    const read = [];
    for await (const chunk of await streams.read(handle.id, "tokens")) read.push(chunk);
    const rest = [];
    for await (const chunk of await streams.read(handle.id, "tokens", { startIndex: 1 })) rest.push(chunk);
    const fetched = [];
    for await (const chunk of await runs.fetchStream(handle.id, "tokens")) fetched.push(chunk);
    return { read, rest, fetched };
  },

  async with_a_public_token_only() {
    const handle = await tasks.trigger("streams", { words: WORDS });
    const other = await tasks.trigger("streams", { words: WORDS });
    return await auth.withAuth({ accessToken: handle.publicAccessToken }, async () => {
      await untilWaiting(handle);
      const refused = await failing(() => approval.send(other.id, { by: "a browser" }));
      await approval.send(handle.id, { by: "a browser" });
      let output;
      for await (const run of runs.subscribeToRun(handle.id)) output = run.output;
      const read = [];
      for await (const chunk of await streams.read(handle.id, "tokens")) read.push(chunk);
      return { refused, output, read, ended: await failing(() => approval.send(handle.id, {})) };
    });
  },
};

await tell(cases);
process.exit(0);
