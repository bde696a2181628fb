import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decisions } from "./decided.ts";

/** The page for users: every decided difference, as the tests hold it. */
export function differencesPage(): string {
  const lines = decisions.map(({ what, why, beside }) => {
    const from = beside === undefined ? "" : ` (beside Docker ${beside})`;
    return `- **${what}**${from} ${why}`;
  });
  return `# Where Duet answers otherwise than Docker

Duet's answers are compared with those of real Docker daemons, request by request: status, headers, bodies, streams and
events. What differs and is not listed here is a bug. \`npm run differential\` compares; this page is made by
\`npm run differential -- --page\`, and a test fails when a difference of this list is gone.

${lines.join("\n")}
`;
}

export const pagePath = join(import.meta.dirname, "../../../docs/differences-from-docker.md");

export function writePage(): void {
  writeFileSync(pagePath, differencesPage());
}
