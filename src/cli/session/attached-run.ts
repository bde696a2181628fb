import type { WaitCondition } from "../../client/queries.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { Context } from "../command.ts";
import type { Attachments } from "../container/create-body.ts";
import { reportError } from "../report-error.ts";
import { detachBytes } from "./detach-keys.ts";
import { exitCodeOfWait, startExitCode } from "./exit-code.ts";
import { Session } from "./session.ts";
import { SignalProxy } from "./signals.ts";

export interface AttachedRun {
  readonly id: string;
  /** The workload has a terminal. */
  readonly terminal: boolean;
  readonly streams: Attachments;
  readonly detachKeys: string;
  readonly condition: WaitCondition;
  /** Signals to us go to the workload once it runs. */
  readonly proxy: boolean;
  /** null when it runs already. */
  readonly start: (() => Promise<void>) | null;
  /** Called when it was never started because the user interrupted. */
  readonly abandoned?: (signal: AbortSignal) => Promise<void>;
}

/** An interrupted user waits this long for the clean-up; the daemon finishes it alone. */
const abandonMilliseconds = 3_000;

/**
 * Attaches, registers the wait, then starts, so that no output and no exit is missed; gives the
 * workload's exit code, 0 when detached, and 125 to 127 (reported) when it could not be started.
 */
export async function attachedRun(context: Context, plan: AttachedRun): Promise<number> {
  const { terminal, signal } = context;
  const { containers } = context.duet();
  const { id, detachKeys, streams } = plan;
  const keys = detachBytes(detachKeys);
  const [attachment, waiting] = await Promise.all([
    containers.attach(id, { ...streams, stream: true, detachKeys }, signal),
    containers.wait(id, plan.condition, signal),
  ]);
  using session = new Session(terminal, attachment, {
    terminal: plan.terminal,
    input: streams.stdin,
    detachKeys: keys,
    resize: (rows, columns) => containers.resize(id, rows, columns),
  });
  const output = session.run();
  output.catch(() => undefined);
  try {
    await plan.start?.();
  } catch (error) {
    session[Symbol.dispose]();
    if (isDuetError(error, "canceled"))
      await plan.abandoned?.(AbortSignal.timeout(abandonMilliseconds));
    if (signal.aborted) throw error;
    reportError(terminal, error, context.global.debug);
    return startExitCode(error);
  }
  using _signals = plan.proxy ? proxySignals(context, id, session) : null;
  session.followSize();
  if ((await output) === "detached") return 0;
  return exitCodeOfWait(await waiting.exit);
}

function proxySignals(context: Context, id: string, session: Session): SignalProxy {
  context.keepSignals();
  const { containers } = context.duet();
  return new SignalProxy(
    (name) => void containers.kill(id, name).catch(() => undefined),
    () => {
      session[Symbol.dispose]();
      context.terminal.warn("duet: got three signals, leaving the workload alone");
      process.exit(1);
    },
  );
}
