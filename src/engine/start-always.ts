import type { ContainerRecord } from "../domain/container.ts";
import { never } from "../kit/abort.ts";
import { startContainer } from "./containers/start.ts";
import type { EngineContext } from "./context.ts";

/**
 * Starts the containers that Docker starts with its daemon: policy `always`, whoever stopped them,
 * and `unless-stopped` where nobody did. Those that others join or link to come first.
 */
export function startAlways(context: EngineContext): void {
  const wanted = new Map(
    context.store.containers
      .list()
      .filter(isWanted)
      .map((record) => [record.id, record]),
  );
  const starts = new Map<string, Promise<void>>();
  const start = (record: ContainerRecord): Promise<void> => {
    const known = starts.get(record.id);
    if (known !== undefined) return known;
    const others = neededBy(record).flatMap((id) => wanted.get(id) ?? []);
    const started = Promise.all(others.map(start))
      .then(() => startContainer(context, record.id, never))
      .catch((error: unknown) => {
        context.log.warn("not-started", { container: record.name, error });
      });
    starts.set(record.id, started);
    return started;
  };
  for (const record of wanted.values()) void start(record);
}

function isWanted({ spec, state, startedAt, stoppedByUser }: ContainerRecord): boolean {
  const { name } = spec.lifecycle.restart;
  const isAsked = name === "always" || (name === "unless-stopped" && !stoppedByUser);
  return isAsked && state === "exited" && startedAt > 0;
}

/** Containers that must run before this one can: each was there before it, so nobody waits for itself. */
function neededBy({ spec }: ContainerRecord): readonly string[] {
  const { network, security } = spec;
  const joined = [network.mode, security.pidMode, security.ipcMode]
    .filter((mode) => mode.startsWith("container:"))
    .map((mode) => mode.slice("container:".length));
  return [...joined, ...network.links.map((link) => link.split(":")[0] ?? "")];
}
