import type { ContainerWaitAnswer } from "../../client/api-types.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";

/** 127 when the command was not found, 126 when it could not be executed, else 125: Docker's convention. */
export function startExitCode(thrown: unknown): number {
  const { code, message } = toDuetError(thrown);
  if (/COMMAND_NOT_FOUND|EXECUTABLE_NOT_FOUND/.test(code)) return 127;
  if (
    /executable file not found|no such file or directory|system cannot find the file/i.test(message)
  )
    return 127;
  if (/COMMAND_NOT_EXECUTABLE|NOT_EXECUTABLE/.test(code)) return 126;
  if (/permission denied|is a directory|exec format error/i.test(message)) return 126;
  return 125;
}

/** The exit code of a wait's answer. Throws when the daemon could not tell. */
export function exitCodeOfWait(answer: ContainerWaitAnswer): number {
  if (answer.Error?.Message) throw new DuetError("internal", "WAIT_FAILED", answer.Error.Message);
  return answer.StatusCode;
}
