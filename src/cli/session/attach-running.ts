import type { ContainerInspect } from "../../client/api-types.ts";
import type { Context } from "../command.ts";
import { reportError } from "../report-error.ts";
import { detachBytes } from "./detach-keys.ts";
import { exitCodeOfWait, startExitCode } from "./exit-code.ts";
import { Session } from "./session.ts";
import { SignalProxy } from "./signals.ts";

export interface AttachPlan {
  readonly input: boolean;
  readonly detachKeys: string;
  /** Signals to us go to the workload. */
  readonly proxy: boolean;
  /** Called once attached; null when it runs already. */
  readonly start: (() => Promise<void>) | null;
}

/** Attaches to an existing container, starts it where asked, and gives its exit code (0 when detached). */
export async function attachRunning(
  context: Context,
  inspect: ContainerInspect,
  plan: AttachPlan,
): Promise<number> {
  const { terminal, signal } = context;
  const { containers } = context.duet();
  const id = inspect.Id;
  const { detachKeys, input } = plan;
  const removed = inspect.HostConfig.AutoRemove === true;
  const condition = removed ? "removed" : plan.start === null ? "not-running" : "next-exit";
  const [attachment, waiting] = await Promise.all([
    containers.attach(
      id,
      { stdin: input, stdout: true, stderr: true, stream: true, detachKeys },
      signal,
    ),
    containers.wait(id, condition, signal),
  ]);
  using session = new Session(terminal, attachment, {
    terminal: inspect.Config.Tty === true,
    input,
    detachKeys: detachBytes(detachKeys),
    resize: (rows, columns) => containers.resize(id, rows, columns),
  });
  const output = session.run();
  output.catch(() => undefined);
  if (plan.proxy) context.keepSignals();
  using _signals = plan.proxy
    ? new SignalProxy((name) => void containers.kill(id, name).catch(() => undefined))
    : null;
  try {
    await plan.start?.();
  } catch (error) {
    session[Symbol.dispose]();
    reportError(terminal, error, context.global.debug);
    return startExitCode(error);
  }
  session.followSize();
  if ((await output) === "detached") return 0;
  return exitCodeOfWait(await waiting.exit);
}
