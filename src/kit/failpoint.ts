import { once } from "node:events";
import { DuetError } from "./errors.ts";

/**
 * Named places where tests inject faults. `DUET_FAILPOINTS="pull.blob=kill,start.created=2*off->error"`
 * arms them at start of the process; unarmed they cost one map look-up.
 *
 * Actions: `off`, `error` (throws DuetError internal/FAILPOINT), `kill` (SIGKILL to this process),
 * `hang` (waits for ever), `hold` (waits until the process gets SIGUSR2, before or after it came there).
 * `N*off->ACTION` lets N passes go first.
 */
type Action = "off" | "error" | "kill" | "hang" | "hold";

interface Armed {
  passes: number;
  action: Action;
}

const armed = new Map<string, Armed>();
let released: Promise<unknown> = Promise.resolve();

export function armFailpoints(description: string): void {
  for (const part of description.split(",").filter((text) => text !== "")) {
    const match = /^([a-z0-9.-]+)=(?:(\d{1,6})\*off->)?(off|error|kill|hang|hold)$/.exec(part);
    if (!match) {
      throw new DuetError("invalid", "FAILPOINT_SYNTAX", `cannot read the failpoint "${part}"`, {
        hint: "write name=action or name=N*off->action, with action off, error, kill, hang or hold",
      });
    }
    const action = match[3] as Action;
    armed.set(match[1]!, { passes: Number(match[2] ?? 0), action });
    if (action === "hold") released = once(process, "SIGUSR2");
  }
}

export function disarmFailpoints(): void {
  armed.clear();
}

/** Marks a step that a fault may hit. Put one after each effect that a crash must survive. */
export async function failpoint(name: string): Promise<void> {
  const entry = armed.get(name);
  if (entry === undefined || entry.action === "off") return;
  if (entry.passes > 0) {
    entry.passes -= 1;
    return;
  }
  if (entry.action === "kill") process.kill(process.pid, "SIGKILL");
  if (entry.action === "error") {
    throw new DuetError("internal", "FAILPOINT", `failpoint ${name} was armed with error`);
  }
  await (entry.action === "hold" ? released : new Promise(() => undefined));
}
