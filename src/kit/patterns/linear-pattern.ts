import { DuetError } from "../errors.ts";
import { isWord, type CharacterTest } from "./character-set.ts";
import { readPatternTree, type Assertion, type PatternNode } from "./pattern-reader.ts";

type Step =
  | { readonly kind: "test"; readonly test: CharacterTest }
  | { readonly kind: "split"; readonly first: number; readonly second: number }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: Assertion }
  | { readonly kind: "match" };

const maximumLength = 512;
const maximumSteps = 5_000;

/**
 * Whether a regular expression of Go's syntax is found in a text. Clients send them (name filters, labels of logs), so
 * they run in time linear in the text as Go's do: a Thompson automaton, simulated state by state. One that cannot be
 * read matches nothing, as in Docker. Throws `invalid` REQUEST_INVALID for one that is too large.
 */
export function linearPattern(source: string): (text: string) => boolean {
  if (source.length > maximumLength) throw tooLarge(`over ${maximumLength} characters long`);
  const node = readPatternTree(source);
  if (node === null) return () => false;
  const program = compile(node);
  if (program === null) throw tooLarge("too large: its counted repeats come to too much");
  return (text) => simulate(program, text);
}

/** The same; null for a pattern that cannot be read, or is too large. */
export function readPattern(source: string): ((text: string) => boolean) | null {
  const node = source.length > maximumLength ? null : readPatternTree(source);
  const program = node === null ? null : compile(node);
  return program === null ? null : (text) => simulate(program, text);
}

function tooLarge(how: string): DuetError {
  return new DuetError("invalid", "REQUEST_INVALID", `a filter's pattern is ${how}`);
}

function compile(node: PatternNode): readonly Step[] | null {
  const program: Step[] = [];
  emit(node, program);
  return program.length > maximumSteps ? null : [...program, { kind: "match" }];
}

/** Stops where the program is too long: a few characters may say that something comes a million times. */
function emit(node: PatternNode, program: Step[]): void {
  if (program.length > maximumSteps) return;
  if (node.kind === "sequence") for (const part of node.parts) emit(part, program);
  else if (node.kind === "either") emitEither(node.parts, program);
  else if (node.kind === "repeat") emitRepeat(node, program);
  else if (node.kind === "test") program.push(node);
  else program.push({ kind: node.kind });
}

function emitEither(parts: readonly PatternNode[], program: Step[]): void {
  const ends: number[] = [];
  for (const [index, part] of parts.entries()) {
    const split = program.length;
    const isLast = index === parts.length - 1;
    if (!isLast) program.push({ kind: "jump", to: 0 });
    emit(part, program);
    if (isLast) continue;
    ends.push(program.length);
    program.push({ kind: "jump", to: 0 });
    program[split] = { kind: "split", first: split + 1, second: program.length };
  }
  for (const end of ends) program[end] = { kind: "jump", to: program.length };
}

function emitRepeat(
  { part, least, most }: Extract<PatternNode, { kind: "repeat" }>,
  program: Step[],
): void {
  let start = program.length;
  for (let time = 0; time < least; time += 1) {
    start = program.length;
    emit(part, program);
    // Nothing, however often, is nothing.
    if (program.length === start) return;
  }
  if (most === null && least > 0) {
    program.push({ kind: "split", first: start, second: program.length + 1 });
    return;
  }
  const splits: number[] = [];
  for (let time = least; time < (most ?? 1); time += 1) {
    splits.push(program.push({ kind: "jump", to: 0 }) - 1);
    emit(part, program);
  }
  if (most === null) program.push({ kind: "jump", to: start });
  for (const split of splits) {
    program[split] = { kind: "split", first: split + 1, second: program.length };
  }
}

/** Positions in a program, each once, in the order in which they came. */
class Positions {
  count = 0;
  private readonly list: Uint16Array;
  /** The round in which a position came last. */
  private readonly rounds: Uint32Array;
  private round = 1;

  constructor(size: number) {
    this.list = new Uint16Array(size);
    this.rounds = new Uint32Array(size);
  }

  at(index: number): number {
    return this.list[index]!;
  }

  /** False for one that is there. */
  add(position: number): boolean {
    if (this.rounds[position] === this.round) return false;
    this.rounds[position] = this.round;
    this.list[this.count] = position;
    this.count += 1;
    return true;
  }

  clear(): void {
    this.count = 0;
    this.round += 1;
  }
}

function simulate(program: readonly Step[], text: string): boolean {
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  let active = new Positions(program.length);
  let next = new Positions(program.length);
  for (let index = 0; index <= codes.length; index += 1) {
    if (follow(program, active, 0, codes, index)) return true;
    const code = codes[index];
    if (code === undefined) break;
    for (let place = 0; place < active.count; place += 1) {
      const position = active.at(place);
      const step = program[position]!;
      if (step.kind !== "test" || !step.test(code)) continue;
      if (follow(program, next, position + 1, codes, index + 1)) return true;
    }
    [active, next] = [next, active];
    next.clear();
  }
  return false;
}

/** Adds a position and all that it reaches without a character; true when the match is among them. */
function follow(
  program: readonly Step[],
  active: Positions,
  from: number,
  codes: readonly number[],
  index: number,
): boolean {
  const waiting = [from];
  for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
    if (!active.add(position)) continue;
    const step = program[position]!;
    if (step.kind === "match") return true;
    if (step.kind === "jump") waiting.push(step.to);
    else if (step.kind === "split") waiting.push(step.second, step.first);
    else if (step.kind !== "test" && holds(step.kind, codes, index)) waiting.push(position + 1);
  }
  return false;
}

const newline = 10;

function holds(assertion: Assertion, codes: readonly number[], index: number): boolean {
  if (assertion === "start") return index === 0;
  if (assertion === "end") return index === codes.length;
  const before = codes[index - 1] ?? newline;
  const after = codes[index] ?? newline;
  if (assertion === "line-start") return before === newline;
  if (assertion === "line-end") return after === newline;
  return (isWord(before) !== isWord(after)) === (assertion === "boundary");
}
