// Schedules, as a program written for the official platform makes and changes them.
import { runs, schedules } from "@trigger.dev/sdk";

import { POLL, failing, tell, unique } from "./harness.mjs";

let count = 0;

const make = (options = {}) =>
  schedules.create({ task: "echo", cron: "0 9 * * 1-5", deduplicationKey: unique(`key-${(count += 1)}`), ...options });

const isDate = (value) => value instanceof Date;

const cases = {
  async create() {
    const made = await make({ timezone: "Europe/Paris", externalId: "user:7", window: "30m" });
    return { made, nextIsDate: isDate(made.nextRun) && isDate(made.nextRunEffectiveAt) };
  },

  async create_again() {
    const key = unique("again");
    const first = await make({ deduplicationKey: key });
    const second = await make({ deduplicationKey: key, cron: "0 0 L * *" });
    return { first, second };
  },

  async retrieve() {
    const made = await make();
    return { made, found: await schedules.retrieve(made.id) };
  },

  async update() {
    const made = await make({ externalId: "a" });
    return { made, changed: await schedules.update(made.id, { task: "other", cron: "30 10 * * *", timezone: "Asia/Tokyo" }) };
  },

  async off_and_on() {
    const made = await make();
    const off = await schedules.deactivate(made.id);
    return { off, on: await schedules.activate(made.id) };
  },

  async del() {
    const made = await make();
    const gone = await schedules.del(made.id);
    return { made, gone, after: await failing(() => schedules.retrieve(made.id)) };
  },

  async list() {
    const made = [];
    for (let n = 0; n < 3; n += 1) made.push((await make()).id);
    const first = await schedules.list({ perPage: 2, page: 1 });
    const all = [];
    for await (const one of await schedules.list({ perPage: 2 })) all.push(one.id);
    return {
      made,
      firstPage: first.data.map((one) => one.id),
      hasNext: first.hasNextPage(),
      all,
    };
  },

  async timezones() {
    const all = await schedules.timezones();
    const others = await schedules.timezones({ excludeUtc: true });
    return { first: all.timezones[0], hasParis: all.timezones.includes("Europe/Paris"), hasUtc: others.timezones.includes("UTC") };
  },

  async run() {
    const made = await make({ externalId: "user:7" });
    const answer = await fetch(`${process.env.TRIGGER_API_URL}/api/v1/schedules/${made.id}/run`, {
      method: "POST",
      headers: { authorization: `Bearer ${process.env.TRIGGER_SECRET_KEY}` },
    });
    const run = await runs.poll((await answer.json()).id, POLL);
    const listed = [];
    for await (const one of runs.list({ schedule: made.id })) listed.push(one.id);
    return { made, run, listed };
  },

  async errors() {
    const bad = (options) => failing(() => make(options));
    return {
      cron: await bad({ cron: "61 9 * * *" }),
      zone: await bad({ timezone: "Europe/Pari" }),
      task: await bad({ task: "ecko" }),
      unknown: await failing(() => schedules.update("sched_nope", { task: "echo", cron: "0 9 * * *" })),
    };
  },
};

await tell(cases);
