// What the scripts here share: each tells as JSON, one line for each case, what a program of the official platform saw.
import {
  ApiError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
  UnprocessableEntityError,
  configure,
} from "@trigger.dev/sdk";

export const POLL = { pollIntervalMs: 50, maxAttempts: 400 };

const ERRORS = { AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError, UnprocessableEntityError };

// Runs an action that must fail, and tells how it did.
export async function failing(action) {
  try {
    await action();
  } catch (error) {
    const kind = Object.keys(ERRORS).find((name) => error instanceof ERRORS[name]);
    return { kind, isApiError: error instanceof ApiError, status: error.status, message: error.message };
  }
  return { kind: null };
}

export const unique = (name) => `${name}-${process.env.SALT}`;

// Runs all cases and tells of each.
export async function tell(cases) {
  configure({ baseURL: process.env.TRIGGER_API_URL, secretKey: process.env.TRIGGER_SECRET_KEY });
  for (const [name, run] of Object.entries(cases)) {
    let told;
    try {
      told = { value: await run() };
    } catch (error) {
      told = { error: `${error?.stack ?? error} ${JSON.stringify(error?.cause ?? null)}` };
    }
    console.log(JSON.stringify({ case: name, ...told }));
  }
}
