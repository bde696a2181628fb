import { DuetError, errnoOf } from "../../kit/errors.ts";
import { parseStrictJson, type JsonValue } from "../../kit/strict-json.ts";
import { JsonFields } from "../../kit/json-fields.ts";

const longestMessage = 300;

/** One error of a registry's answer (OCI distribution-spec, "Error Codes"). */
export interface RegistryFault {
  readonly code: string;
  readonly message: string;
}

/** Reads an error body; one that says nothing useful gives no faults. */
export function parseFaults(body: Buffer): readonly RegistryFault[] {
  try {
    const value = parseStrictJson(body, "the registry's error", {
      maximumBytes: 1 << 20,
      maximumDepth: 16,
    });
    const document = new JsonFields(
      value,
      "",
      (why) => new DuetError("invalid", "REGISTRY_ANSWER", why),
    );
    const faults = document.objects("errors") ?? [];
    if (faults.length === 0) return faultOfDetails(document);
    return faults.slice(0, 5).map((fault) => ({
      code: textOf(fault.value("code")).toUpperCase(),
      message: textOf(fault.value("message")),
    }));
  } catch {
    return [];
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? printable(value) : "";
}

/** Token servers answer `{"details": "..."}` or `{"error": "..."}`, too. */
function faultOfDetails(document: JsonFields): readonly RegistryFault[] {
  const message = document.value("details") ?? document.value("message") ?? document.value("error");
  return typeof message === "string" ? [{ code: "", message: printable(message) }] : [];
}

/** Text of a registry for people's eyes: no control characters that could fool a terminal, not endless. */
export function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ")
    .trim()
    .slice(0, longestMessage);
}

/** `code: message` as Docker writes it, such as `manifest unknown: manifest unknown`. */
export function describeFaults(faults: readonly RegistryFault[]): string {
  const texts = faults.map(({ code, message }) => {
    const words = code.toLowerCase().replaceAll("_", " ");
    return [words, message].filter((part) => part !== "").join(": ");
  });
  return [...new Set(texts)].join("; ");
}

/** Errors by which a server shows that it does not speak TLS, or a client that it is not trusted. */
const plainServer = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
]);
const passingErrors = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETRESET",
  "ECONNABORTED",
]);

export function isPlainServerError(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (plainServer.has(code) || code.startsWith("HPE_"));
}

/** Whether the same request may well succeed a moment later. */
export function isPassingError(error: unknown): boolean {
  if (!(error instanceof DuetError) || error.code !== "REGISTRY_UNREACHABLE") return false;
  const code = codeOf(error.cause);
  return code !== undefined && passingErrors.has(code);
}

/** A failure of the network or of TLS as a typed error. */
export function networkError(url: URL, error: unknown): DuetError {
  if (error instanceof DuetError) return error;
  const code = codeOf(error) ?? "";
  const message = error instanceof Error ? withoutNode(error.message) : String(error);
  const at = `${url.protocol}//${url.host}`;
  const options = { cause: error, subject: url.host };
  if (plainServer.has(code)) {
    return new DuetError(
      "denied",
      "REGISTRY_TLS",
      `${at} does not speak TLS: server gave HTTP response to HTTPS client`,
      {
        ...options,
        http: 500,
        hint: `name ${url.host} in insecureRegistries of the daemon's configuration if it is yours and its network is trusted`,
      },
    );
  }
  if (isCertificateError(code)) {
    return new DuetError(
      "denied",
      "REGISTRY_TLS",
      `the certificate of ${at} is not valid: ${printable(message)}`,
      {
        ...options,
        http: 500,
        hint: `put the registry's certificate authority into /etc/docker/certs.d/${url.host}/ca.crt, or name it in insecureRegistries of the daemon's configuration`,
      },
    );
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    return new DuetError(
      "too-large",
      "REGISTRY_ANSWER_TOO_LARGE",
      `${at} sent headers beyond all measure`,
      options,
    );
  }
  if (code.startsWith("HPE_")) {
    return new DuetError(
      "corrupt",
      "REGISTRY_ANSWER",
      `${at} does not speak HTTP: ${printable(message)}`,
      options,
    );
  }
  return new DuetError(
    "unavailable",
    "REGISTRY_UNREACHABLE",
    `cannot reach ${at}: ${printable(message)}`,
    {
      ...options,
      http: 500,
      hint: "check the registry's name and this host's network",
    },
  );
}

/** Node's messages end in advice for programs of one's own and in addresses that were not bound. */
function withoutNode(message: string): string {
  return message.replace(/; if the root CA is installed locally.*$| - Local \(.*\)$/, "");
}

function isCertificateError(code: string): boolean {
  return (
    /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|ERR_OSSL_)/.test(
      code,
    ) || code === "CERTIFICATE_VERIFY_FAILED"
  );
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]) ?? errnoOf(error);
  return errnoOf(error);
}

export function timedOut(url: URL, what: string): DuetError {
  return new DuetError("timeout", "REGISTRY_TIMEOUT", `${url.host} ${what}`, {
    subject: url.host,
    hint: "try again; what was downloaded is kept",
  });
}
