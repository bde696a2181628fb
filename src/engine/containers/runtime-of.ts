import type { Isolation } from "../../domain/identity.ts";
import type { Runtime } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";

/** The one place where an isolation becomes a runtime. Throws `unavailable` ISOLATION_UNAVAILABLE. */
export function runtimeOf(context: EngineContext, isolation: Isolation): Runtime {
  const runtime = context.runtimes.get(isolation);
  if (runtime !== undefined) return runtime;
  throw new DuetError(
    "unavailable",
    "ISOLATION_UNAVAILABLE",
    `this host cannot run workloads with isolation ${isolation}`,
    {
      hint: "run `duet doctor` to see what is missing",
    },
  );
}
