import assert from "node:assert/strict";
import { test } from "node:test";
import { networkError } from "../../../src/drivers/registry/failures.ts";

const url = new URL("https://registry.example.com:5000/v2/");

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

test("a certificate that nobody vouches for is told with the file that its authority belongs in", () => {
  const advice = "; if the root CA is installed locally, try running Node.js with --use-system-ca";
  const told = networkError(
    url,
    failure("DEPTH_ZERO_SELF_SIGNED_CERT", `self-signed certificate${advice}`),
  );
  assert.equal(
    told.message,
    "the certificate of https://registry.example.com:5000 is not valid: self-signed certificate",
  );
  const place = "/etc/docker/certs.d/registry.example.com:5000/ca.crt";
  assert.match(told.hint ?? "", new RegExp(`${place}, .*insecureRegistries`));
});

test("a registry without a way to it is told without addresses that nobody knows", () => {
  const message = "connect ENETUNREACH 192.0.2.1:443 - Local (0.0.0.0:0)";
  const told = networkError(url, failure("ENETUNREACH", message));
  assert.match(told.message, /^cannot reach \S+: connect ENETUNREACH 192\.0\.2\.1:443$/);
});
