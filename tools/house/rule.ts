import type { Finding } from "../source/finding.ts";
import type { SourceFile } from "../source/files.ts";
import { tokenize, type Token } from "../source/tokens.ts";

/** What a rule says of one place. */
export interface Offence {
  /** 1-based; 0 where it is about the whole file. */
  readonly line: number;
  readonly what: string;
}

/** A file as rules see it; `tokens` are made once, comments left out, and empty for other languages. */
export interface HouseFile extends SourceFile {
  readonly tokens: readonly Token[];
}

/** One house rule: small, about one thing, and it names the remedy. */
export interface HouseRule {
  readonly name: string;
  readonly remedy: string;
  applies(path: string): boolean;
  /** `paths` are all files of the project. */
  check(file: HouseFile, paths: ReadonlySet<string>): readonly Offence[];
}

/** A place that a rule leaves alone, and why. */
export interface HouseException {
  readonly rule: string;
  readonly path: string;
  readonly reason: string;
}

/** Holds every file against every rule. An exception that nothing needs any more is a finding too. */
export function lintHouse(
  files: readonly SourceFile[],
  paths: ReadonlySet<string>,
  rules: readonly HouseRule[],
  exceptions: readonly HouseException[],
): Finding[] {
  const used = new Set<HouseException>();
  const findings: Finding[] = [];
  for (const file of files) {
    const read = withTokens(file);
    for (const rule of rules.filter((candidate) => candidate.applies(file.path))) {
      const offences = rule.check(read, paths);
      const exception = exceptions.find((one) => one.rule === rule.name && one.path === file.path);
      if (exception !== undefined && offences.length > 0) used.add(exception);
      else findings.push(...offences.map((offence) => asFinding(rule, file.path, offence)));
    }
  }
  return [...findings, ...exceptions.filter((one) => !used.has(one)).map(unusedException)];
}

function withTokens(file: SourceFile): HouseFile {
  const tokens = file.path.endsWith(".ts") ? tokenize(file.text) : [];
  return { ...file, tokens: tokens.filter((token) => token.kind !== "comment") };
}

function asFinding(rule: HouseRule, path: string, offence: Offence): Finding {
  return { rule: rule.name, path, line: offence.line, what: offence.what, remedy: rule.remedy };
}

function unusedException(exception: HouseException): Finding {
  return {
    rule: exception.rule,
    path: exception.path,
    line: 0,
    what: "an exception that nothing needs any more",
    remedy: "take it out of tools/house/exceptions.ts",
  };
}
