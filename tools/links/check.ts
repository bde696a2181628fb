import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** A page's links that lead nowhere, in words. */
export interface LinkFindings {
  readonly broken: readonly string[];
  /** Pages that no page leads to from the README. */
  readonly unreachable: readonly string[];
}

/** Looks at README.md, CONTRIBUTING.md and all pages below docs of the project at `root`; other hosts are not asked. */
export function checkLinks(root: string): LinkFindings {
  const found = globSync(["README.md", "CONTRIBUTING.md", "docs/**/*.md"], { cwd: root });
  const pages = new Map(found.map((name) => [name, readFileSync(join(root, name), "utf8")]));
  const broken: string[] = [];
  const leads = new Map<string, string[]>();
  for (const [name, text] of pages) {
    const targets: string[] = [];
    for (const link of linksOf(text)) {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? name : relative(root, resolve(root, dirname(name), path));
      targets.push(target);
      const isThere = existsSync(join(root, target));
      const content = pages.get(target);
      const hasPlace =
        anchor === undefined || (content !== undefined && anchorsOf(content).has(anchor));
      if (!isThere || !hasPlace) broken.push(`${name}: ${link}`);
    }
    leads.set(name, targets);
  }
  return { broken, unreachable: unreachableFrom("README.md", leads) };
}

/** Links of a page to others of the project; what stands in code is none. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** The places in a page that a link can name, as GitHub makes them of its headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ +(.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}

function unreachableFrom(start: string, leads: ReadonlyMap<string, readonly string[]>): string[] {
  const reached = new Set<string>();
  const open = [start];
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (reached.has(page)) continue;
    reached.add(page);
    open.push(...(leads.get(page) ?? []));
  }
  return [...leads.keys()].filter((name) => !reached.has(name));
}
