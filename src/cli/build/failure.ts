import { BuildFailure } from "../../client/build/failure.ts";
import { printable } from "../report-error.ts";
import { paint, type Terminal } from "../terminal/terminal.ts";

const linesAround = 2;

/** Shows where in the Dockerfile a build failed, with the lines around. */
export function showPlace(terminal: Terminal, error: unknown): void {
  if (!(error instanceof BuildFailure) || error.place === null) return;
  const { file, lines, first, last } = error.place;
  const color = terminal.errorsIsTerminal && terminal.color;
  terminal.warn(`${printable(file)}:${first}`);
  const from = Math.max(1, first - linesAround);
  const to = Math.min(lines.length, last + linesAround);
  for (let number = from; number <= to; number += 1) {
    const isFailed = number >= first && number <= last;
    const text = `${String(number).padStart(4)} | ${isFailed ? ">>> " : "    "}${printable(lines[number - 1] ?? "")}`;
    terminal.warn(isFailed ? paint(color, "red", text) : text);
  }
}
