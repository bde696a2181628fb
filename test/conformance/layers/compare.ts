import type { Outcome } from "./engines.ts";
import type { Facts, Tree } from "./trees.ts";

/** What differs, a line each: `path: key docker | duet`. */
export function differences(docker: Outcome, duet: Outcome): string[] {
  if ("failure" in docker || "failure" in duet) {
    if ("failure" in docker && "failure" in duet) return [];
    return [`failure: ${told(docker)} | ${told(duet)}`];
  }
  const lines = docker.id === duet.id ? [] : [`id: ${docker.id} | ${duet.id}`];
  return [...lines, ...treeDifferences(docker.tree, duet.tree)];
}

function told(outcome: Outcome): string {
  return "failure" in outcome ? outcome.failure : "works";
}

export function treeDifferences(left: Tree, right: Tree): string[] {
  const lines: string[] = [];
  for (const path of [...new Set([...Object.keys(left), ...Object.keys(right)])].toSorted()) {
    const [one, other] = [left[path], right[path]];
    if (one === undefined || other === undefined) {
      lines.push(`${JSON.stringify(path)}: ${shown(one)} | ${shown(other)}`);
      continue;
    }
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const [was, is] = [JSON.stringify(one[key]), JSON.stringify(other[key])];
      if (was !== is) lines.push(`${JSON.stringify(path)}: ${key} ${was} | ${is}`);
    }
  }
  return lines;
}

function shown(facts: Facts | undefined): string {
  return facts === undefined ? "absent" : JSON.stringify(facts);
}
