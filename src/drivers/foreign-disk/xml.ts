import { refused } from "./refused.ts";

export interface XmlElement {
  /** Without its prefix: documents name namespaces as they like. */
  readonly name: string;
  /** By name without prefix. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const deepest = 64;
const mostElements = 20_000;
const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};
const name = String.raw`[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?`;
const openTag = new RegExp(
  `<(${name})((?:\\s+${name}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`,
  "y",
);
const attribute = new RegExp(`(${name})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, "g");
const closeTag = new RegExp(`</(${name})\\s*>`, "y");
const comment = /<!--(?:(?!--)[^])*-->/y;
const declaration = /^\ufeff?<\?xml\s[^?<>]*\?>/;

interface Opened {
  readonly full: string;
  readonly element: XmlElement & { readonly children: XmlElement[] };
  text: string;
}

/**
 * Reads the part of XML that OVF uses: elements, attributes, text, comments and the five named entities.
 * A document type, which entities are declared in (attack group G 91), CDATA and instructions are refused
 * with `invalid` DISK_REFUSED, as is whatever is not well-formed.
 */
export function parseXml(document: string): XmlElement {
  const start = declaration.exec(document)?.[0].length ?? 0;
  const stack: Opened[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  for (let at = start; at < document.length;) {
    const next = document.indexOf("<", at);
    const text = document.slice(at, next < 0 ? document.length : next);
    const top = stack.at(-1);
    if (top !== undefined) top.text += decode(text);
    else if (text.trim() !== "") throw wrong("text outside of its element");
    if (next < 0) break;
    const skipped = matchAt(comment, document, next);
    const opened = skipped === null ? matchAt(openTag, document, next) : null;
    const closed = skipped === null && opened === null ? matchAt(closeTag, document, next) : null;
    const found = skipped ?? opened ?? closed;
    if (found === null) throw wrong("something that is no element");
    at = next + found[0].length;
    if (opened !== null) {
      count += 1;
      if (root !== undefined && top === undefined) throw wrong("more than one element");
      if (count > mostElements || stack.length >= deepest) throw wrong("too many elements");
      const entry = open(opened);
      root ??= entry.element;
      top?.element.children.push(entry.element);
      if (opened[3] !== "/") stack.push(entry);
    }
    if (closed !== null) close(stack.pop(), closed[1] ?? "");
  }
  if (root === undefined || stack.length > 0) throw wrong("an element without an end");
  return root;
}

function matchAt(pattern: RegExp, document: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(document);
}

function open(match: RegExpExecArray): Opened {
  const attributes = new Map<string, string>();
  for (const [, key = "", double, single] of (match[2] ?? "").matchAll(attribute)) {
    if (key === "xmlns" || key.startsWith("xmlns:")) continue;
    const plain = local(key);
    if (attributes.has(plain)) throw wrong("an attribute that stands twice");
    attributes.set(plain, decode(double ?? single ?? ""));
  }
  const full = match[1] ?? "";
  return { full, text: "", element: { name: local(full), attributes, children: [], text: "" } };
}

function close(opened: Opened | undefined, full: string): void {
  if (opened?.full !== full) throw wrong("an end that fits no element");
  Object.assign(opened.element, { text: opened.text });
}

function local(full: string): string {
  return full.slice(full.indexOf(":") + 1);
}

function decode(text: string): string {
  return text.replaceAll(/&([^;]{0,12};?)/g, (_, body: string) => {
    const named = /^(lt|gt|amp|quot|apos);$/.exec(body)?.[1];
    if (named !== undefined) return entities[named] ?? "";
    const digits = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));$/.exec(body);
    const code =
      digits === null
        ? 0
        : Number.parseInt(digits[1] ?? digits[2]!, digits[1] === undefined ? 10 : 16);
    if (code < 0x20 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw wrong("an entity that XML does not name");
    return String.fromCodePoint(code);
  });
}

function wrong(what: string): Error {
  return refused(`its OVF descriptor is not well-formed: it has ${what}`);
}

/** All elements of a name, at any depth. */
export function elementsNamed(root: XmlElement, wanted: string): readonly XmlElement[] {
  const found = root.children.flatMap((child) => elementsNamed(child, wanted));
  return root.name === wanted ? [root, ...found] : found;
}
