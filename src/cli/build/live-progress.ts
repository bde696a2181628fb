import type { BuildProgress } from "../../client/build/builds.ts";
import { decimalSize } from "../quantities.ts";
import { paint, type Terminal } from "../terminal/terminal.ts";
import { textWidth, truncateText } from "../terminal/width.ts";
import { Steps, secondsText, type Step } from "./steps.ts";

const redrawMilliseconds = 80;
const outputLines = 6;

/**
 * Progress on a terminal: steps that have ended stay above, those that run are drawn in place below them with
 * their time and the last lines that they printed.
 */
export class LiveProgress implements Disposable {
  private readonly stream: NodeJS.WritableStream;
  private readonly terminal: Terminal;
  private readonly steps = new Steps();
  private readonly output = new Map<Step, string[]>();
  private readonly ended = new Set<Step>();
  private readonly warnings: string[] = [];
  private readonly timer: NodeJS.Timeout;
  private drawn = 0;

  constructor(stream: NodeJS.WritableStream, terminal: Terminal) {
    this.stream = stream;
    this.terminal = terminal;
    this.timer = setInterval(() => this.draw(), redrawMilliseconds);
    this.timer.unref();
  }

  show(progress: BuildProgress): void {
    const news = this.steps.take(progress);
    for (const { step, text } of news.lines) {
      const lines = this.output.get(step) ?? [];
      lines.push(text);
      this.output.set(step, lines.slice(-outputLines));
    }
    this.warnings.push(...news.warnings);
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
    this.draw();
    for (const warning of this.warnings) {
      this.stream.write(`${paint(this.terminal.color, "yellow", "warning:")} ${warning}\n`);
    }
  }

  private draw(): void {
    const now = Date.now() / 1_000;
    const columns = Math.max(20, this.terminal.columns() - 1);
    let text = this.drawn > 0 ? `\u001b[${this.drawn}A\u001b[J` : "";
    for (const step of this.steps.all) {
      if (step.completedAt === 0 || this.ended.has(step)) continue;
      this.ended.add(step);
      text += `${this.stepLine(step, now, columns)}\n`;
    }
    const running = this.steps.all.filter((step) => !this.ended.has(step));
    const lines = running.flatMap((step) => this.runningLines(step, now, columns));
    const shown = lines.slice(0, Math.max(1, this.terminal.rows() - 2));
    text += shown.map((line) => `${line}\n`).join("");
    if (text !== "") this.stream.write(text);
    this.drawn = shown.length;
  }

  private stepLine(step: Step, now: number, columns: number): string {
    const { color } = this.terminal;
    const time = step.cached ? "cached" : secondsText(step, now);
    const [mark, style] = markOf(step);
    const name = truncateText(step.name, Math.max(8, columns - time.length - 4));
    const room = Math.max(1, columns - textWidth(name) - time.length - 3);
    const line = `${paint(color, style, mark)} ${name}${" ".repeat(room)}${paint(color, "dim", time)}`;
    return step.error === ""
      ? line
      : `${line}\n  ${paint(color, "red", truncateText(step.error, columns - 2))}`;
  }

  private runningLines(step: Step, now: number, columns: number): readonly string[] {
    const { color } = this.terminal;
    const parts = [...step.parts]
      .filter(([, { done }]) => !done)
      .map(([name, { current, total }]) => {
        const amount = total > 0 ? `${decimalSize(current)}/${decimalSize(total)}` : "";
        return `${name} ${amount === "" && current > 0 ? decimalSize(current) : amount}`.trim();
      });
    const below = [...parts, ...(this.output.get(step) ?? [])].map((line) =>
      paint(color, "dim", `  ${truncateText(line, columns - 2)}`),
    );
    return [this.stepLine(step, now, columns), ...below];
  }
}

function markOf(step: Step): readonly [string, "red" | "green" | "cyan"] {
  if (step.error !== "") return ["✗", "red"];
  return step.completedAt > 0 ? ["✓", "green"] : ["▸", "cyan"];
}
