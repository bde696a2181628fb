import type { ReferrerEntry, ReferrersAnswer } from "../../spec/duet/referrers.ts";
import type { Command } from "../command.ts";
import { decimalSize } from "../quantities.ts";
import { registryAuth } from "../registry-auth.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  description:
    "Asks the registry what it has about an image: signatures, attestations, lists of its parts.",
  minimum: 1,
  maximum: 1,
  completes: ["images"],
  flags: [{ name: "json", kind: "boolean", summary: "Print the answer as JSON" }],
  examples: [
    {
      what: "Signatures and attestations",
      line: "duet image referrers registry.example.com/app:1",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const reference = words[0]!;
    const auth = await registryAuth(reference, signal);
    const answer = await duet().images.referrers(reference, { auth }, signal);
    if (flags.boolean("json")) terminal.print(JSON.stringify(answer, null, 2));
    else for (const line of treeLines(reference, answer)) terminal.print(line);
  },
};

/** The image first, below it its platforms and what is said about each. */
function treeLines(title: string, answer: ReferrersAnswer): readonly string[] {
  const branches = [
    ...answer.referrers.map((entry) => [describe(entry)]),
    ...answer.manifests.map((each) => treeLines(each.platform ?? "manifest", each)),
  ];
  const lines = branches.flatMap((branch, index) => {
    const isLast = index === branches.length - 1;
    return branch.map((line, at) => {
      if (at === 0) return `${isLast ? "└─" : "├─"} ${line}`;
      return `${isLast ? "  " : "│ "} ${line}`;
    });
  });
  return [`${title}  ${answer.digest}`, ...lines];
}

function describe(entry: ReferrerEntry): string {
  const kind =
    entry.annotations?.["vnd.docker.reference.type"] ?? entry.artifactType ?? entry.mediaType;
  return `${kind}  ${entry.digest}  ${decimalSize(entry.size)}`;
}
