import { DuetError } from "../../src/kit/errors.ts";

/** Fields of one stanza of a deb822 sources file (sources.list(5)); comments are dropped. */
type Stanza = ReadonlyMap<string, string>;

/**
 * A sources file for another suite, derived from the host's own: the same archive and keys, so that no
 * host is named here. `texts` are the host's files of both formats, `codename` is the host's suite.
 */
export function sourcesFor(suite: string, codename: string, texts: readonly string[]): string {
  const found = texts.flatMap((text) => [...deb822(text), ...oneLine(text)]);
  const main = found.find((stanza) => suitesOf(stanza).includes(codename));
  if (main === undefined) {
    throw new DuetError(
      "not-found",
      "NO_ARCHIVE",
      `no package source of this host has ${codename}`,
      {
        hint: "add Debian's main archive to the package sources",
      },
    );
  }
  const fields = [
    ["Types", "deb"],
    ["URIs", main.get("uris") ?? ""],
    ["Suites", suite],
    ["Components", main.get("components") ?? "main"],
    ...(main.has("signed-by") ? [["Signed-By", main.get("signed-by") ?? ""]] : []),
  ];
  return `${fields.map(([name, value]) => `${name}: ${value}`).join("\n")}\n`;
}

function suitesOf(stanza: Stanza): string[] {
  return (stanza.get("suites") ?? "").split(/\s+/);
}

function deb822(text: string): Stanza[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/\n\s*\n/)
    .map((block) => {
      const unfolded = block.replaceAll(/\n[ \t]+/g, " ");
      const fields = [...unfolded.matchAll(/^([A-Za-z-]+):[ \t]*(.*)$/gm)];
      return new Map(fields.map(([, name = "", value = ""]) => [name.toLowerCase(), value.trim()]));
    })
    .filter((stanza) => /\bdeb\b/.test(stanza.get("types") ?? ""));
}

function oneLine(text: string): Stanza[] {
  const found = text.matchAll(/^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)[ \t]+(.+)$/gm);
  return [...found].map(([, options = "", uri = "", suite = "", components = ""]) => {
    const key = /signed-by=(\S+)/.exec(options)?.[1];
    return new Map([
      ["uris", uri],
      ["suites", suite],
      ["components", components.trim()],
      ...(key === undefined ? [] : ([["signed-by", key]] as const)),
    ]);
  });
}
