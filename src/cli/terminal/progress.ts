import type { ProgressMessage } from "../../client/api-types.ts";
import { decimalSize } from "../quantities.ts";
import { printable } from "../report-error.ts";
import type { Terminal } from "./terminal.ts";
import { textWidth, truncateText } from "./width.ts";

const redrawMilliseconds = 60;
const barWidth = 24;

interface Line {
  readonly id: string;
  status: string;
  current: number;
  total: number;
}

/**
 * Progress of layers: a line with a bar for each on a terminal, redrawn in place; elsewhere a line
 * per change of status. Dispose it to leave the cursor below.
 */
export class ProgressDisplay implements Disposable {
  private readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  private readonly terminal: Terminal;
  private readonly live: boolean;
  private readonly lines = new Map<string, Line>();
  private drawn = 0;
  private lastDraw = 0;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }, terminal: Terminal) {
    this.stream = stream;
    this.terminal = terminal;
    this.live = stream.isTTY === true && process.env["TERM"] !== "dumb";
  }

  show(message: ProgressMessage): void {
    const status = printable(message.status ?? message.stream ?? "").trimEnd();
    if (message.id === undefined || /^Pulling from|^The push refers/.test(status)) {
      if (status !== "")
        this.announce(message.id === undefined ? status : `${message.id}: ${status}`);
      return;
    }
    const line = this.lineOf(message.id);
    const changed = line.status !== status;
    line.status = status;
    line.current = message.progressDetail?.current ?? 0;
    line.total = message.progressDetail?.total ?? 0;
    if (this.live) this.redraw(changed);
    else if (changed) this.stream.write(`${line.id}: ${status}\n`);
  }

  [Symbol.dispose](): void {
    if (this.live) this.redraw(true);
  }

  private lineOf(id: string): Line {
    const known = this.lines.get(id);
    if (known !== undefined) return known;
    const line = { id: printable(id), status: "", current: 0, total: 0 };
    this.lines.set(id, line);
    return line;
  }

  /** A line of its own, above the bars where there are any. */
  private announce(text: string): void {
    if (this.drawn > 0) this.erase();
    this.stream.write(`${text}\n`);
    if (this.lines.size > 0 && this.live) this.redraw(true);
  }

  private redraw(now: boolean): void {
    const time = performance.now();
    if (!now && time - this.lastDraw < redrawMilliseconds) return;
    this.lastDraw = time;
    const columns = this.terminal.columns();
    const shown = [...this.lines.values()].slice(-Math.max(1, this.terminal.rows() - 2));
    const text = shown
      .map((line) => `${truncateText(lineText(line, columns), columns - 1)}\u001b[K\n`)
      .join("");
    this.stream.write((this.drawn > 0 ? `\u001b[${this.drawn}A` : "") + text);
    this.drawn = shown.length;
  }

  private erase(): void {
    this.stream.write(`\u001b[${this.drawn}A\u001b[J`);
    this.drawn = 0;
  }
}

function lineText(line: Line, columns: number): string {
  const head = `${line.id}: ${line.status}`;
  if (line.total <= 0) return line.current > 0 ? `${head} ${decimalSize(line.current)}` : head;
  const amount = `${decimalSize(line.current)}/${decimalSize(line.total)}`;
  const room = Math.min(barWidth, columns - textWidth(head) - amount.length - 6);
  if (room < 6) return `${head} ${amount}`;
  const filled = Math.min(room, Math.floor((line.current / line.total) * room));
  return `${head} [${"=".repeat(filled)}${filled < room ? ">" : ""}${" ".repeat(Math.max(0, room - filled - 1))}] ${amount}`;
}
