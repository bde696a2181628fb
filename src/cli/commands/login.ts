import { once } from "node:events";
import { text } from "node:stream/consumers";
import { DuetError } from "../../kit/errors.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { registryKey, storeCredentials } from "../../client/credentials.ts";

export const command: Command = {
  usage: "[OPTIONS] [SERVER]",
  minimum: 0,
  maximum: 1,
  description:
    "Tries the credentials at the registry and keeps them in Docker's own config.json or its credential helper.",
  flags: [
    { name: "username", short: "u", kind: "string", summary: "Username" },
    {
      name: "password",
      short: "p",
      kind: "string",
      summary: "Password or token (other users can see it while this runs)",
    },
    { name: "password-stdin", kind: "boolean", summary: "Take the password or token from stdin" },
  ],
  examples: [
    {
      what: "With a token from a file",
      line: "duet login -u ada --password-stdin localhost:5000 < token",
    },
  ],
  async run(context) {
    const { flags, words, terminal, signal } = context;
    const registry = registryKey(words[0] ?? "");
    if (flags.has("password"))
      terminal.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    const username = flags.string("username") ?? (await ask(context, "Username: ", true));
    const password = await passwordOf(context);
    if (username === "" || password === "")
      throw usageError("CREDENTIALS_MISSING", "a username and a password are needed");
    const auth = { username, password, serveraddress: registry };
    const answer = await context.duet().system.login(auth, signal);
    await storeCredentials(
      registry,
      answer.IdentityToken ? { ...auth, password: "", identitytoken: answer.IdentityToken } : auth,
    );
    terminal.print(answer.Status || "Login Succeeded");
  },
};

async function passwordOf(context: Context): Promise<string> {
  const { flags, terminal } = context;
  if (!flags.boolean("password-stdin"))
    return flags.string("password") ?? (await ask(context, "Password: ", false));
  if (flags.has("password"))
    throw usageError(
      "CONFLICTING_OPTIONS",
      "--password and --password-stdin are mutually exclusive",
    );
  if (!flags.has("username"))
    throw usageError("USERNAME_MISSING", "must provide --username with --password-stdin");
  return (await text(terminal.input)).replace(/\r?\n$/, "");
}

/** Asks on the terminal; without echo for a password. */
async function ask(context: Context, question: string, echo: boolean): Promise<string> {
  const { terminal } = context;
  const { input } = terminal;
  if (!terminal.inputIsTerminal) {
    throw new DuetError(
      "invalid",
      "NOT_A_TERMINAL",
      "cannot ask for credentials · the input device is not a TTY",
      {
        hint: "use --username and --password-stdin",
      },
    );
  }
  terminal.errors.write(question);
  if (!echo && "setRawMode" in input) input.setRawMode(true);
  try {
    let line = "";
    for (;;) {
      const [chunk] = (await once(input, "data", { signal: context.signal })) as [Buffer];
      const typed = chunk.toString();
      if (!echo && typed.includes("\u0003"))
        throw new DuetError("canceled", "CANCELED", "canceled: interrupted");
      line += typed;
      if (/[\r\n\u0004]/.test(line)) return line.split(/[\r\n\u0004]/, 1)[0]!;
    }
  } finally {
    if (!echo && "setRawMode" in input) {
      input.setRawMode(false);
      terminal.errors.write("\n");
    }
    input.pause();
  }
}
