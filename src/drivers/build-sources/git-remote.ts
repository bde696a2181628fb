import { isIP } from "node:net";
import { DuetError } from "../../kit/errors.ts";
import type { GitReach } from "./git-program.ts";

/** A repository's URL that was checked, and how git gets there. */
export interface Remote {
  readonly url: string;
  readonly reach: GitReach;
}

export interface ParsedRemote {
  readonly protocol: "http" | "https" | "git" | "ssh";
  readonly host: string;
  readonly port: number;
}

const ports = { http: 80, https: 443, git: 9418, ssh: 22 } as const;
const scpForm = /^(?:[A-Za-z\d][\w.-]*@)?([A-Za-z\d][A-Za-z\d.-]*):(?!\/\/)[^\s-][^\s]*$/;

/**
 * Reads a repository's address: only the protocols of `ports`, and nothing that git or ssh could take for an option
 * (C44). Throws `invalid` GIT_SOURCE_INVALID.
 */
export function parseRemote(url: string): ParsedRemote {
  if (url.length > 8_192 || /[\s\p{Cc}]/u.test(url)) throw invalid(url);
  if (!/^[a-z]+:\/\//i.test(url)) {
    const host = scpForm.exec(url)?.[1];
    if (host === undefined) throw invalid(url);
    return { protocol: "ssh", host, port: ports.ssh };
  }
  if (!URL.canParse(url)) throw invalid(url);
  const parsed = new URL(url);
  const protocol = parsed.protocol.slice(0, -1);
  if (!isProtocol(protocol)) throw invalid(url);
  const host = parsed.hostname;
  if (host === "" || host.startsWith("-") || decodeURIComponent(parsed.username).startsWith("-")) {
    throw invalid(url);
  }
  return { protocol, host, port: parsed.port === "" ? ports[protocol] : Number(parsed.port) };
}

/**
 * A repository over ssh or git's own protocol at an address that was checked: neither program asks for its name again,
 * which might have moved meanwhile. `address` is one of digits; a shell reads the command of ssh.
 */
export function pinnedRemote(url: string, address: string, sshSocket: string | null): Remote {
  if (isIP(address) === 0) throw invalid(url);
  const isGit = /^git:/i.test(url);
  const name = isGit ? new URL(url).host : "";
  const pinned = { address, name };
  const target = isGit
    ? url.replace(/^(git:\/\/)(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:]*)/i, addressed)
    : url;
  function addressed(_: string, scheme: string): string {
    return `${scheme}${isIP(address) === 6 ? `[${address}]` : address}`;
  }
  return {
    url: target,
    reach: { resolved: [], proxy: "", authorization: null, sshSocket, pinned },
  };
}

function isProtocol(text: string): text is keyof typeof ports {
  return Object.hasOwn(ports, text);
}

function invalid(url: string): DuetError {
  return new DuetError(
    "invalid",
    "GIT_SOURCE_INVALID",
    `no git repository's address: ${JSON.stringify(url.slice(0, 200))}`,
    { hint: "use an http, https, git or ssh URL" },
  );
}
