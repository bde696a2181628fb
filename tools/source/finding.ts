/** One violation of a house rule: where, what, and how to mend it. */
export interface Finding {
  /** Rule that was broken, kebab-case. */
  readonly rule: string;
  readonly path: string;
  /** 1-based; 0 where it is about the whole file. */
  readonly line: number;
  readonly what: string;
  readonly remedy: string;
}

/** `path:line  what: remedy (rule)`. */
export function describeFinding(finding: Finding): string {
  const place = finding.line === 0 ? finding.path : `${finding.path}:${finding.line}`;
  return `${place}  ${finding.what}: ${finding.remedy} (${finding.rule})`;
}

/** Prints the findings and gives the exit code that they call for. */
export function reportFindings(
  name: string,
  checked: number,
  findings: readonly Finding[],
): number {
  for (const finding of findings) console.error(describeFinding(finding));
  console.log(`${name}: ${checked} files, ${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}
