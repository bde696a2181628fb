import type { ClientAge } from "../../../tools/clients/bring.ts";
import { clientsOfFile } from "../shared.ts";
import type { DockerClients } from "../clients.ts";

/** Which client asks, for which isolation. */
export interface Way {
  readonly age: ClientAge;
  readonly isolation: "container" | "vm";
}

export function described(way: Way): string {
  return `docker CLI (${way.age}), ${way.isolation}`;
}

/** The client, and the words that begin `docker run` or `docker create` with the isolation. */
export async function session(way: Way): Promise<{ client: DockerClients; isolated: string[] }> {
  const client = await clientsOfFile(way.age);
  return { client, isolated: way.isolation === "vm" ? ["--isolation", "vm"] : [] };
}
