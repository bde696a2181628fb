import { DuetError } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson } from "../kit/strict-json.ts";
import { run, type RunResult } from "../kit/subprocess.ts";
import type { AuthConfig } from "./api-types.ts";

const maximumAnswer = 1 << 20;
/** The user name by which helpers mark a secret that is an identity token. */
const tokenUser = "<token>";

/** A program `docker-credential-NAME` that keeps secrets (docker-credential-helpers' protocol). */
export class CredentialHelper {
  private readonly name: string;

  /** Throws `invalid` CREDENTIAL_HELPER for a name that is more than a program's suffix. */
  constructor(name: string) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
      throw helperFailed(name, "that is no name of a helper");
    this.name = name;
  }

  async get(registry: string, signal: AbortSignal): Promise<AuthConfig | undefined> {
    const { code, stdout, stderr } = await this.call("get", registry, signal);
    const said = `${stdout.toString("utf8")} ${stderr}`;
    // The message is the protocol: helpers have no other way to say that there is nothing.
    if (code !== 0 && /credentials not found/i.test(said)) return undefined;
    if (code !== 0) throw helperFailed(this.name, said.trim().slice(0, 300) || `exit code ${code}`);
    const value = parseStrictJson(stdout, "its answer", { maximumBytes: maximumAnswer });
    const fields = new JsonFields(value, "", (why) => helperFailed(this.name, why));
    const username = fields.text("Username") ?? "";
    const secret = fields.text("Secret") ?? "";
    if (username === "" && secret === "") return undefined;
    if (username === tokenUser) return { identitytoken: secret, serveraddress: registry };
    return { username, password: secret, serveraddress: registry };
  }

  async store(registry: string, auth: AuthConfig, signal: AbortSignal): Promise<void> {
    const secret = auth.identitytoken
      ? { Username: tokenUser, Secret: auth.identitytoken }
      : { Username: auth.username ?? "", Secret: auth.password ?? "" };
    await this.change("store", JSON.stringify({ ServerURL: registry, ...secret }), signal);
  }

  async erase(registry: string, signal: AbortSignal): Promise<void> {
    const { code, stdout, stderr } = await this.call("erase", registry, signal);
    const said = `${stdout.toString("utf8")} ${stderr}`;
    if (code !== 0 && !/credentials not found/i.test(said))
      throw helperFailed(this.name, said.trim().slice(0, 300));
  }

  private async change(verb: "store", input: string, signal: AbortSignal): Promise<void> {
    const { code, stdout, stderr } = await this.call(verb, input, signal);
    if (code === 0) return;
    const said = `${stdout.toString("utf8")} ${stderr}`.trim().slice(0, 300);
    throw helperFailed(this.name, said || `exit code ${code}`);
  }

  /** With the user's own environment: helpers find their key rings and themselves by it. */
  private async call(
    verb: "get" | "store" | "erase",
    input: string,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const environment = Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return await run(`docker-credential-${this.name}`, [verb], {
      signal,
      input,
      env: Object.fromEntries(environment),
      maxOutput: maximumAnswer,
      okCodes: "any",
    });
  }
}

function helperFailed(name: string, why: string): DuetError {
  const shown = JSON.stringify(name.slice(0, 80));
  return new DuetError(
    "invalid",
    "CREDENTIAL_HELPER",
    `the credential helper ${shown} failed: ${why}`,
    {
      hint: "check credsStore and credHelpers in Docker's config.json",
    },
  );
}
