import type { BuildProgress } from "../../client/build/builds.ts";
import { decimalSize } from "../quantities.ts";
import { paint, type Terminal } from "../terminal/terminal.ts";
import { textWidth, truncateText } from "../terminal/width.ts";
import { LastOutput } from "./last-output.ts";
import { Steps, secondsText, type Step } from "./steps.ts";

const redrawMilliseconds = 80;
const linesWhileRunning = 6;

/**
 * Progress on a terminal: steps that have ended stay above, those that run are drawn in place below them with
 * their time and the last lines that they printed. What a failed step printed stays.
 */
export class LiveProgress implements Disposable {
  private readonly stream: NodeJS.WritableStream;
  private readonly terminal: Terminal;
  private readonly steps = new Steps();
  private readonly output = new LastOutput();
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
    this.output.add(news);
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
      text += [this.stepLine(step, now, columns), ...this.linesThatStay(step), ""].join("\n");
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
    return `${paint(color, style, mark)} ${name}${" ".repeat(room)}${paint(color, "dim", time)}`;
  }

  /** Of a step that has ended: what it printed where it failed, and the names of an image that it made. */
  private linesThatStay(step: Step): readonly string[] {
    const { color } = this.terminal;
    if (step.error !== "") {
      const error = paint(color, "red", step.error);
      return [...this.output.of(step), error].map((line) => `  ${line}`);
    }
    return [...step.parts.keys()]
      .filter((name) => /^(?:writing image|naming to) /.test(name))
      .map((name) => paint(color, "dim", `  ${name}`));
  }

  private runningLines(step: Step, now: number, columns: number): readonly string[] {
    const { color } = this.terminal;
    const parts = [...step.parts]
      .filter(([, { done }]) => !done)
      .map(([name, { current, total }]) => {
        const amount = total > 0 ? `${decimalSize(current)}/${decimalSize(total)}` : "";
        return `${name} ${amount === "" && current > 0 ? decimalSize(current) : amount}`.trim();
      });
    const below = [...parts, ...this.output.of(step, linesWhileRunning)].map((line) =>
      paint(color, "dim", `  ${truncateText(line, columns - 2)}`),
    );
    return [this.stepLine(step, now, columns), ...below];
  }
}

function markOf(step: Step): readonly [string, "red" | "green" | "cyan"] {
  if (step.error !== "") return ["✗", "red"];
  return step.completedAt > 0 ? ["✓", "green"] : ["▸", "cyan"];
}
