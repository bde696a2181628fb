import { familiarReference, type Reference } from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Answer } from "./exchange.ts";
import { describeFaults, parseFaults, type RegistryFault } from "./failures.ts";
import { retryAfter } from "./retry.ts";

const maximumErrorBytes = 1 << 20;

/** What was wanted from the registry when it answered with an error. */
export interface Wanted {
  readonly reference: Reference;
  readonly action: "pull" | "push";
  /** What was asked for: `manifest` or `blob`. */
  readonly object: "manifest" | "blob";
}

/** The typed error for an answer that is not what was wanted, in Docker's words. Reads the body. */
export async function answerError(answer: Answer, wanted: Wanted): Promise<DuetError> {
  const faults = parseFaults(await answer.bytes(maximumErrorBytes).catch(() => Buffer.alloc(0)));
  const name = familiarReference({ ...wanted.reference, tag: "", digest: null });
  const says = describeFaults(faults);
  const subject = `image ${familiarReference(wanted.reference)}`;
  if (answer.status === 429) return new TooManyRequests(answer, says, subject);
  if (isDenied(answer.status, faults)) return accessDenied(wanted, name, says, subject);
  if (answer.status === 404) {
    if (wanted.object === "blob") {
      return new DuetError(
        "not-found",
        "BLOB_UNKNOWN",
        `the registry lacks a part of ${name}: ${says || "blob unknown"}`,
        {
          subject,
        },
      );
    }
    const reason = says || "manifest unknown: manifest unknown";
    const full = familiarReference(wanted.reference);
    return new DuetError(
      "not-found",
      "MANIFEST_UNKNOWN",
      `manifest for ${full} not found: ${reason}`,
      {
        subject,
        hint: "check the tag; the registry lists those that exist",
      },
    );
  }
  const status = `${answer.status}${says === "" ? "" : `: ${says}`}`;
  const message = `received unexpected HTTP status ${status} from ${answer.url.host} for ${name}`;
  const passing = answer.status >= 500 || answer.status === 408;
  return new DuetError(passing ? "unavailable" : "invalid", "REGISTRY_FAILED", message, {
    subject,
    http: 500,
  });
}

function isDenied(status: number, faults: readonly RegistryFault[]): boolean {
  if (status === 401 || status === 403) return true;
  return status === 404 && faults.some(({ code }) => code === "NAME_UNKNOWN" || code === "DENIED");
}

/** Registries do not tell apart what is absent from what is hidden; so Docker's sentence names both. */
function accessDenied(wanted: Wanted, name: string, says: string, subject: string): DuetError {
  if (wanted.action === "push") {
    const why = says || "denied: requested access to the resource is denied";
    return new DuetError("denied", "PUSH_DENIED", why, {
      subject,
      hint: "run `duet login` for this registry",
    });
  }
  const message = `pull access denied for ${name}, repository does not exist or may require 'docker login'`;
  return new DuetError("not-found", "PULL_DENIED", `${message}${says === "" ? "" : `: ${says}`}`, {
    subject,
    hint: "check the name, or log in to the registry",
  });
}

/** A limit on requests: whose it is, how high as far as the registry says, and how long it asks to wait. */
export class TooManyRequests extends DuetError {
  /** Milliseconds that the registry asks to wait; 0 where it does not say. */
  readonly asked: number;

  constructor(answer: Answer, says: string, subject: string) {
    const why = says.replace(/^toomanyrequests: /, "") || "the registry asks for fewer requests";
    const asked = retryAfter(answer.header("retry-after")) ?? 0;
    const parts = [
      why,
      `${answer.url.host}${limitOf(answer)}`,
      ...(asked > 0 ? [`it asks to wait ${spoken(Math.ceil(asked / 1_000))}`] : []),
    ];
    super("exhausted", "TOO_MANY_REQUESTS", `toomanyrequests: ${parts.join(" · ")}`, {
      subject,
      http: 429,
      hint: "try again later, run `duet login` for a higher limit, or name a mirror in registry-mirrors",
    });
    this.asked = asked;
  }
}

/** Of `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining: 0;w=21600`, as Docker Hub has them. */
function limitOf(answer: Answer): string {
  const header = /^(\d{1,12})(?:\s*;\s*w=(\d{1,12}))?/;
  const [, limit, window] = header.exec(answer.header("ratelimit-limit") ?? "") ?? [];
  const [, remaining] = header.exec(answer.header("ratelimit-remaining") ?? "") ?? [];
  const allowed = limit === undefined ? "" : ` allows ${limit} requests`;
  const within = limit === undefined || window === undefined ? "" : ` in ${spoken(Number(window))}`;
  return `${allowed}${within}${remaining === undefined ? "" : ` (${remaining} left)`}`;
}

function spoken(seconds: number): string {
  if (seconds === 1) return "1 second";
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.ceil(seconds / 60)} minutes`;
  return `${Math.ceil(seconds / 3_600)} hours`;
}
