import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from "node:crypto";
import { isIP, isIPv4, SocketAddress } from "node:net";
import { DuetError } from "../errors.ts";
import {
  bitString,
  boolean,
  element,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";

/** PEM texts. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface PairRequest {
  /** Common name of its subject. */
  readonly name: string;
  readonly use: "server" | "client";
  /** Names and addresses by which clients reach a server. */
  readonly alternativeNames: readonly string[];
  readonly days: number;
}

const identifiers = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
} as const;

/** Clocks of other machines may be a little behind. */
const graceMilliseconds = 5 * 60_000;
const dayMilliseconds = 86_400_000;

/** An authority that signs nothing but pairs: ECDSA on P-256, X.509 version 3 (RFC 5280). */
export function createAuthority(name: string, days: number, now = new Date()): Pair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return signed({
    subject: name,
    issuer: name,
    publicKey,
    privateKey,
    signer: privateKey,
    days,
    now,
    extensions: [
      extension("basicConstraints", sequence(boolean(true), integer(Buffer.from([0]))), true),
      // keyCertSign and cRLSign.
      extension("keyUsage", bitString(Buffer.from([0b0000_0110]), 1), true),
      extension("subjectKeyIdentifier", octetString(keyIdentifier(publicKey))),
    ],
  });
}

/** A new key with a certificate of `authority`. Throws `invalid` AUTHORITY for one that is none of ours. */
export function createPair(authority: Pair, request: PairRequest, now = new Date()): Pair {
  const issuer = readAuthority(authority);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = request.alternativeNames.map(generalName);
  return signed({
    subject: request.name,
    issuer: issuer.name,
    publicKey,
    privateKey,
    signer: issuer.key,
    days: request.days,
    now,
    extensions: [
      extension("basicConstraints", sequence(), true),
      // digitalSignature.
      extension("keyUsage", bitString(Buffer.from([0b1000_0000]), 7), true),
      extension("extendedKeyUsage", sequence(objectIdentifier(identifiers[request.use]))),
      extension("subjectKeyIdentifier", octetString(keyIdentifier(publicKey))),
      extension(
        "authorityKeyIdentifier",
        sequence(implicit(0, keyIdentifier(createPublicKey(issuer.key)))),
      ),
      ...(names.length > 0 ? [extension("subjectAlternativeName", sequence(...names))] : []),
    ],
  });
}

function readAuthority({ certificate, key }: Pair): { name: string; key: KeyObject } {
  const read = new X509Certificate(certificate);
  const name = /^CN=([^\n]+)$/.exec(read.subject)?.[1];
  const privateKey = createPrivateKey(key);
  if (!read.ca || name === undefined || !read.checkPrivateKey(privateKey)) {
    throw new DuetError(
      "invalid",
      "AUTHORITY",
      "this is no authority that Duet made, or not its key",
    );
  }
  return { name, key: privateKey };
}

interface Content {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly signer: KeyObject;
  readonly days: number;
  readonly now: Date;
  readonly extensions: readonly Buffer[];
}

function signed(content: Content): Pair {
  const algorithm = sequence(objectIdentifier(identifiers.ecdsaWithSha256));
  const from = content.now.getTime() - graceMilliseconds;
  const until = content.now.getTime() + content.days * dayMilliseconds;
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    nameOf(content.issuer),
    sequence(time(new Date(from)), time(new Date(until))),
    nameOf(content.subject),
    content.publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...content.extensions)),
  );
  const whole = sequence(body, algorithm, bitString(sign("sha256", body, content.signer)));
  return {
    certificate: new X509Certificate(whole).toString(),
    key: content.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function nameOf(commonName: string): Buffer {
  const attribute = sequence(objectIdentifier(identifiers.commonName), utf8String(commonName));
  return sequence(set(attribute));
}

function extension(name: keyof typeof identifiers, value: Buffer, isCritical = false): Buffer {
  const identifier = objectIdentifier(identifiers[name]);
  const critical = isCritical ? [boolean(true)] : [];
  return sequence(identifier, ...critical, octetString(value));
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  const bytes = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(bytes).digest().subarray(0, 20);
}

/** RFC 5280 4.2.1.6: a DNS name, or the bytes of an address. Throws `invalid` HOST_NAME. */
function generalName(text: string): Buffer {
  if (isIP(text) !== 0) return implicit(7, addressBytes(text));
  if (!/^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/.test(text)) {
    throw new DuetError(
      "invalid",
      "HOST_NAME",
      `${JSON.stringify(text)} is no host's name or address`,
    );
  }
  return element(0x82, Buffer.from(text, "latin1"));
}

function addressBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [head = "", tail] = new SocketAddress({ address: text, family: "ipv6" }).address.split(
    "::",
  );
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").flatMap((word) => wordsOf(word));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...before, ...gap, ...after].forEach((word, index) => bytes.writeUInt16BE(word, index * 2));
  return bytes;
}

/** One group of an IPv6 address; the last may be written as an IPv4 address. */
function wordsOf(word: string): number[] {
  if (!word.includes(".")) return [Number.parseInt(word, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = word.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}
