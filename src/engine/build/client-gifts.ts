import type { RunMount } from "../../domain/build/operation.ts";
import { DuetError } from "../../kit/errors.ts";
import type { BuildClient } from "./build.ts";

type Mount<K extends RunMount["kind"]> = Extract<RunMount, { readonly kind: K }>;

/** What a step's mounts need of the client, as far as it has it; held for one step. */
export interface ClientGifts extends AsyncDisposable {
  readonly secrets: ReadonlyMap<Mount<"secret">, Buffer>;
  readonly agents: ReadonlyMap<Mount<"ssh">, { readonly path: string }>;
}

/**
 * Asks the client, which may take its time: before a step gets what others wait for. Throws `not-found`
 * SECRET_NOT_FOUND, SSH_NOT_FOUND for what the client has not and the step cannot do without.
 */
export async function askClient(
  client: BuildClient,
  mounts: readonly RunMount[],
  signal: AbortSignal,
): Promise<ClientGifts> {
  const secrets = new Map<Mount<"secret">, Buffer>();
  const agents = new Map<Mount<"ssh">, { readonly path: string }>();
  await using held = new AsyncDisposableStack();
  for (const mount of mounts) {
    if (mount.kind === "secret") {
      const content = await client.secret(mount.id, signal);
      if (content !== undefined) secrets.set(mount, content);
      else if (mount.required) throw secretMissing(mount.id);
    }
    if (mount.kind === "ssh") {
      const socket = await client.ssh(mount.id, signal);
      if (socket !== undefined) agents.set(mount, held.use(socket));
      else if (mount.required) throw agentMissing(mount.id);
    }
  }
  const all = held.move();
  return { secrets, agents, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function secretMissing(id: string): DuetError {
  return new DuetError("not-found", "SECRET_NOT_FOUND", `secret ${id}: not found`, {
    hint: `give it with --secret id=${id},src=FILE`,
  });
}

function agentMissing(id: string): DuetError {
  const message = `no SSH key "${id}" forwarded from the client`;
  return new DuetError("not-found", "SSH_NOT_FOUND", message, {
    hint: `give it with --ssh ${id}`,
  });
}
