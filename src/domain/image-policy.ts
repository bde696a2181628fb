import { DuetError } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson } from "../kit/strict-json.ts";
import { familiarReference, parseReference, type Reference } from "./reference.ts";

/** What a registry's or a repository's images need to be pulled. */
export type ImageRule =
  | { readonly kind: "accept" }
  | { readonly kind: "reject" }
  /** Public keys as PEM; one of them is enough. */
  | { readonly kind: "signed"; readonly keys: readonly string[] };

export interface ImagePolicy {
  /** Of what no other rule is for. */
  readonly otherwise: ImageRule;
  /** By `domain`, `domain/path` or `domain/path:tag`. */
  readonly rules: ReadonlyMap<string, ImageRule>;
}

export const acceptAll: ImagePolicy = { otherwise: { kind: "accept" }, rules: new Map() };

/**
 * Reads a policy: `{"default": RULE, "images": {"registry[/path[:tag]]": RULE, …}}`, where a rule is
 * `"accept"`, `"reject"` or `{"signedBy": ["FILE", …]}`. `readKey` gives a file's PEM. Throws
 * `invalid` POLICY_INVALID.
 */
export function parseImagePolicy(
  content: Uint8Array,
  readKey: (file: string) => string,
): ImagePolicy {
  const document = new JsonFields(
    parseStrictJson(content, "the image policy", { maximumBytes: 1 << 20 }),
    "the image policy",
    invalidPolicy,
  );
  const unknown = document.keys().find((key) => key !== "default" && key !== "images");
  if (unknown !== undefined)
    throw invalidPolicy(`it has an unknown key ${JSON.stringify(unknown)}`);
  if (!document.has("default")) throw invalidPolicy('it has no "default"');
  const images = document.object("images");
  const rules = new Map<string, ImageRule>();
  for (const scope of images?.keys() ?? []) {
    if (images !== undefined) rules.set(canonicalScope(scope), readRule(images, scope, readKey));
  }
  return { otherwise: readRule(document, "default", readKey), rules };
}

function readRule(fields: JsonFields, key: string, readKey: (file: string) => string): ImageRule {
  const value = fields.value(key);
  if (value === "accept" || value === "reject") return { kind: value };
  const rule = typeof value === "string" ? undefined : fields.object(key);
  const files = rule?.texts("signedBy") ?? [];
  const isOnly = rule?.keys().every((one) => one === "signedBy") === true;
  if (isOnly && files.length > 0) return { kind: "signed", keys: files.map(readKey) };
  throw invalidPolicy(
    `the rule of ${JSON.stringify(key)} is none of "accept", "reject" and {"signedBy": [FILE, …]}`,
  );
}

/** `nginx` is not `docker.io/library/nginx` here: a scope says its registry. */
function canonicalScope(scope: string): string {
  const text = scope.replace(/\/$/, "");
  const hasPath = text.includes("/");
  const probe = parseReference(hasPath ? text : `${text}/probe`);
  const isRegistry = /[.:]/.test(text.split("/")[0] ?? "") || text.startsWith("localhost");
  if (!isRegistry || probe.digest !== null)
    throw invalidPolicy(`${JSON.stringify(scope)} names no registry, repository or tag`);
  if (!hasPath) return probe.domain;
  // As it stands: Docker Hub's namespace "library" is a scope like any other, not a repository in it.
  return `${probe.domain}${text.slice(text.indexOf("/"))}`;
}

/** The rule of the longest scope that a reference lies in. */
export function ruleOf(policy: ImagePolicy, { domain, path, tag }: Reference): ImageRule {
  if (tag !== "") {
    const exact = policy.rules.get(`${domain}/${path}:${tag}`);
    if (exact !== undefined) return exact;
  }
  const parts = path.split("/");
  for (let count = parts.length; count > 0; count -= 1) {
    const rule = policy.rules.get(`${domain}/${parts.slice(0, count).join("/")}`);
    if (rule !== undefined) return rule;
  }
  return policy.rules.get(domain) ?? policy.otherwise;
}

/** `reference` is null for an image without a name. */
export function refusedByPolicy(reference: Reference | null, why: string): DuetError {
  const image = reference === null ? "without a name" : familiarReference(reference);
  return new DuetError("denied", "IMAGE_REFUSED", `the image policy refuses ${image}: ${why}`, {
    subject: `image ${image}`,
    hint: "the policy is the file that the daemon's imagePolicy names",
  });
}

function invalidPolicy(why: string): DuetError {
  return new DuetError("invalid", "POLICY_INVALID", `the image policy is not valid: ${why}`);
}
