import { withMountHint, type LaunchVerb } from "../../domain/launch-failure.ts";
import { DuetError } from "../../kit/errors.ts";

/**
 * A failure of the OCI runtime in Docker's words. Codes: `COMMAND_NOT_FOUND` (exit code 127),
 * `COMMAND_NOT_EXECUTABLE` (126); other failures keep their own.
 */
export function runtimeFailure(error: unknown, verb: LaunchVerb): unknown {
  if (!(error instanceof DuetError) || error.code !== "RUNTIME_FAILED") return error;
  const said = cleanWords(error.message);
  const message = withMountHint(`OCI runtime ${verb} failed: ${said}: unknown`, verb);
  const options = { cause: error, http: 400 };
  if (/executable file not found|no such file or directory/i.test(said) && isAboutCommand(said)) {
    return new DuetError("invalid", "COMMAND_NOT_FOUND", message, {
      ...options,
      hint: "check the command's name and the image's PATH",
    });
  }
  if (/permission denied|is a directory|exec format error/i.test(said) && isAboutCommand(said)) {
    return new DuetError("invalid", "COMMAND_NOT_EXECUTABLE", message, {
      ...options,
      hint: "check the file's mode, type and architecture",
    });
  }
  return new DuetError(
    /mount|chdir|working directory/.test(said) ? "invalid" : "internal",
    "RUNTIME_FAILED",
    message,
    {
      cause: error,
    },
  );
}

/**
 * runc says `exec: "foo": …` or `stat /foo: no such file`, crun (find_executable in its container.c)
 * "executable file `foo` not found" or `open executable: …`; both may word an exec(2) that failed.
 */
function isAboutCommand(said: string): boolean {
  return commandWords.some((words) => words.test(said));
}

const commandWords = [
  /\bexec: |exec user process|stat .*: no such file|exec .*: (?:no such|permission|exec format)/i,
  /\bexecutable file .* not found|\bopen executable\b/i,
];

/** The last error of what a runtime printed, without the logger's dress. */
function cleanWords(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /level=error|^\S*error|unable|failed|exec/.test(line));
  const line = (errors.at(-1) ?? lines.at(-1) ?? "the runtime said nothing").trim();
  const dressed = /msg="((?:[^"\\]|\\.)*)"/.exec(line);
  const bare = dressed === null ? line : dressed[1]!.replaceAll(/\\(.)/g, "$1");
  return bare.replace(/^\d{4}-\d\d-\d\dT\S+ /, "").replaceAll(/[\p{Cc}]/gu, " ");
}
