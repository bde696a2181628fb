import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A program `docker-credential-NAME` of our own that keeps what it is given in files. */
export interface CredentialHelperProgram {
  /** To be put on PATH. */
  readonly folder: string;
  /** What it keeps for a registry; undefined for nothing. */
  kept(registry: string): Promise<unknown>;
  /** The verbs that it was called with so far. */
  verbs(): Promise<readonly string[]>;
}

/** Makes it in `folder`, in docker-credential-helpers' protocol: store, get, erase, list. */
export async function makeCredentialHelper(
  folder: string,
  name: string,
): Promise<CredentialHelperProgram> {
  const secrets = join(folder, `secrets-of-${name}`);
  await mkdir(secrets, { recursive: true });
  const program = join(folder, `docker-credential-${name}`);
  await writeFile(
    program,
    `#!/bin/sh
cd '${secrets}' || exit 1
echo "$1" >> .verbs
input=$(cat)
file=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr ':/' '__')
case "$1" in
store) printf %s "$input" > "$file" ;;
get) [ -f "$file" ] || { echo 'credentials not found in native keychain'; exit 1; }
  cat "$file" ;;
erase) rm -f "$file" ;;
list) [ -n "$(ls)" ] || { echo '{}'; exit; }
  cat * | sed 's/{"ServerURL":\\("[^"]*"\\),"Username":\\("[^"]*"\\).*/{\\1:\\2}/' ;;
esac
`,
  );
  await chmod(program, 0o755);
  return {
    folder,
    kept: async (registry) => {
      const text = await readFile(join(secrets, registry.replace(/[:/]/g, "_")), "utf8").catch(
        () => undefined,
      );
      return text === undefined ? undefined : JSON.parse(text);
    },
    verbs: async () => (await readFile(join(secrets, ".verbs"), "utf8")).trim().split("\n"),
  };
}
