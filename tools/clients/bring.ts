import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../images/cache.ts";
import { libraries } from "../peers/bring.ts";
import { bringTree, type TreePlan } from "../peers/tree.ts";

/** Docker's clients by age: what Debian's newest suite has, and what Debian 12 has. */
export type ClientAge = "newest" | "debian-12";

interface ClientPlan extends Omit<TreePlan, "place"> {
  /** A file by which a tree is known to have all of the packages. */
  readonly last: string;
}

const plans: Readonly<Record<ClientAge, ClientPlan>> = {
  newest: {
    suite: "sid",
    packages: ["docker-cli", "docker-compose", "docker-buildx"],
    follow: libraries,
    last: "usr/libexec/docker/cli-plugins/docker-buildx",
  },
  "debian-12": {
    suite: "bookworm",
    packages: ["docker.io", "docker-compose", "python3-docker"],
    follow: /^(?:lib(?!nss-|pam|reoffice|python)|python3-)/,
    last: "usr/bin/docker",
  },
};

export const clientAges: readonly ClientAge[] = ["newest", "debian-12"];

/** Where `bringClients` puts them: a tree with usr/bin, usr/libexec and so on. */
export function clientsFolder(age: ClientAge): string {
  return join(cacheFolder(), "clients", age);
}

export function missingClients(): ClientAge[] {
  return clientAges.filter((age) => !existsSync(join(clientsFolder(age), plans[age].last)));
}

/** Brings clients of one age, unpacked beside; nothing is installed. Gives their folder. */
export async function bringClients(
  age: ClientAge,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const isMissing = missingClients().includes(age);
  return await bringTree(
    { ...plans[age], place: clientsFolder(age) },
    { ...options, fresh: options.fresh || isMissing },
  );
}
