// Queues, as a program written for the official platform looks at them and changes them.
import { queues, runs, tasks } from "@trigger.dev/sdk";

import { POLL, failing, tell } from "./harness.mjs";

const MAIL = { type: "custom", name: "ns/mail" };

const isDate = (value) => value instanceof Date;

const cases = {
  async retrieve() {
    const byName = await queues.retrieve(MAIL);
    return { byName, byId: await queues.retrieve(byName.id), own: await queues.retrieve({ type: "task", name: "echo" }) };
  },

  async list() {
    const page = await queues.list({ page: 1, perPage: 2 });
    const names = [];
    for await (const queue of queues.list({ perPage: 2 })) names.push(queue.name);
    return { first: page.data.map((queue) => queue.name), names };
  },

  async pause() {
    const paused = await queues.pause(MAIL);
    await tasks.trigger("echo", {}, { queue: MAIL.name });
    const waiting = await queues.retrieve(MAIL);
    const resumed = await queues.resume(MAIL);
    return { paused, waiting, resumed };
  },

  async override() {
    const changed = await queues.overrideConcurrencyLimit(MAIL, 7);
    const reset = await queues.resetConcurrencyLimit(MAIL);
    return { changed, isDate: isDate(changed.concurrency.overriddenAt), reset };
  },

  async errors() {
    return {
      unknown: await failing(() => queues.retrieve({ type: "custom", name: "ns/mial" })),
      unknownId: await failing(() => queues.pause("queue_nope")),
      undefinedQueue: await failing(() => tasks.trigger("echo", {}, { queue: "ns/mial" })),
      namedLimit: await failing(() => tasks.trigger("echo", {}, { concurrency: "openai" })),
      negative: await failing(() => queues.overrideConcurrencyLimit(MAIL, -1)),
    };
  },
};

// Queues are there once a worker has connected.
await runs.poll(await tasks.trigger("echo", {}), POLL);

await tell(cases);
