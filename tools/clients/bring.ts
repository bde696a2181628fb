import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../images/cache.ts";
import { libraries } from "../peers/bring.ts";
import { bringTree, type TreePlan } from "../peers/tree.ts";

/** Docker's clients by age: what Debian's newest suite has, and what Debian 12 has. */
export type ClientAge = "newest" | "debian-12";

const plans: Readonly<Record<ClientAge, Omit<TreePlan, "place">>> = {
  newest: {
    suite: "sid",
    packages: ["docker-cli", "docker-compose"],
    follow: libraries,
  },
  "debian-12": {
    suite: "bookworm",
    packages: ["docker.io", "docker-compose", "python3-docker"],
    follow: /^(?:lib(?!nss-|pam|reoffice|python)|python3-)/,
  },
};

export const clientAges: readonly ClientAge[] = ["newest", "debian-12"];

/** Where `bringClients` puts them: a tree with usr/bin, usr/libexec and so on. */
export function clientsFolder(age: ClientAge): string {
  return join(cacheFolder(), "clients", age);
}

export function missingClients(): ClientAge[] {
  return clientAges.filter((age) => !existsSync(clientsFolder(age)));
}

/** Brings clients of one age, unpacked beside; nothing is installed. Gives their folder. */
export async function bringClients(
  age: ClientAge,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<string> {
  return await bringTree({ ...plans[age], place: clientsFolder(age) }, options);
}
