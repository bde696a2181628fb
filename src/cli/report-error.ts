import { errorClasses, toDuetError, type DuetError } from "../kit/errors.ts";
import { paint, type Terminal } from "./terminal/terminal.ts";

/**
 * Prints what · why · which object, then what to do. With `debug` the causes' stacks, too.
 * Control characters of names and messages are shown, not obeyed.
 */
export function reportError(terminal: Terminal, thrown: unknown, debug: boolean): void {
  const error = toDuetError(thrown);
  const color = terminal.errorsIsTerminal && terminal.color;
  terminal.warn(`${paint(color, "red", "duet:")} ${printable(messageOf(error))}`);
  if (error.hint !== undefined)
    terminal.warn(`${paint(color, "cyan", "hint:")} ${printable(error.hint)}`);
  if (!debug) return;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    terminal.warn(printable(cause.stack ?? cause.message));
  }
}

function messageOf(error: DuetError): string {
  const subject = error.subject;
  return subject === undefined || error.message.includes(subject)
    ? error.message
    : `${error.message} · ${subject}`;
}

/** Text from elsewhere without terminal control: escape sequences become visible. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** Exit code of a command that failed: 130 when it was interrupted, the command's own otherwise. */
export function exitCodeOf(thrown: unknown, usual: number): number {
  const error = toDuetError(thrown);
  return error.class === "canceled" ? errorClasses.canceled.exit : usual;
}
