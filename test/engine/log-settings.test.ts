import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogSinks } from "../../src/drivers/log-sinks/log-sinks.ts";
import { checkLogging, logSettings } from "../../src/engine/containers/log-settings.ts";

const sinks = createLogSinks();
const settings = (options: Readonly<Record<string, string>>, driver = "json-file") =>
  logSettings(sinks, { driver, options }, "/state");

test("a log rotates at 10 MiB into three files, unless asked otherwise", () => {
  const path = "/state/log.json";
  assert.deepEqual(settings({}), { path, maximumSize: 10 << 20, maximumFiles: 3 });
  assert.deepEqual(settings({ "max-size": "-1" }, ""), { path, maximumSize: 0, maximumFiles: 3 });
  assert.equal(settings({}, "none").path, null);
});

test("of logs that go elsewhere five files of 20 MiB stay here, unless asked otherwise", () => {
  const path = "/state/log.json";
  assert.deepEqual(settings({}, "syslog"), { path, maximumSize: 20 << 20, maximumFiles: 5 });
  const asked = { "cache-max-size": "1m", "cache-max-file": "2" };
  assert.deepEqual(settings(asked, "journald"), { path, maximumSize: 1 << 20, maximumFiles: 2 });
});

test("sizes count in thousands for json-file and in 1024s for local, as in Docker", () => {
  assert.equal(settings({ "max-size": "10k" }).maximumSize, 10_000);
  assert.equal(settings({ "max-size": "1.5MB" }).maximumSize, 1_500_000);
  assert.equal(settings({ "max-size": "10k" }, "local").maximumSize, 10_240);
  assert.equal(settings({ "max-file": "7" }).maximumFiles, 7);
});

test("values that make no sense fail the start in Docker's words", () => {
  const failures: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ "max-size": "x" }, /driver: invalid size: 'x'$/],
    [{ "max-size": "0" }, /max-size must be a positive number$/],
    [{ "max-file": "0" }, /max-file cannot be less than 1$/],
    [{ "max-file": "x" }, /strconv\.Atoi: parsing "x": invalid syntax$/],
    [{ compress: "maybe" }, /strconv\.ParseBool: parsing "maybe": invalid syntax$/],
    [{ compress: "true" }, /compress cannot be true when max-file is less than 2/],
  ];
  for (const [options, message] of failures) {
    assert.throws(() => settings(options), { message, http: 500 }, JSON.stringify(options));
  }
  const ofCopy = /strconv\.ParseBool: parsing "maybe": invalid syntax$/;
  assert.throws(() => settings({ "cache-compress": "maybe" }, "syslog"), { message: ofCopy });
  assert.equal(settings({ compress: "true", "max-size": "1m", "max-file": "2" }).maximumFiles, 2);
});

test("names of drivers, options and modes are checked at create", () => {
  const refuses = (driver: string, options: Readonly<Record<string, string>>, message: RegExp) =>
    assert.throws(() => checkLogging(sinks, { driver, options }), { class: "invalid", message });
  refuses("syslogx", {}, /error looking up logging plugin syslogx: plugin "syslogx" not found/);
  refuses("awslogs", {}, /no log driver named 'awslogs'/);
  refuses("journald", { "max-size": "1m" }, /unknown log opt 'max-size' for journald log driver/);
  refuses("journald", { "cache-disabled": "maybe" }, /invalid value for option cache-disabled/);
  refuses("syslog", { "syslog-address": "http://x" }, /unsupported scheme: 'http'/);
  refuses("syslog", { "syslog-address": "unix:///nosuch" }, /stat \/nosuch: no such file/);
  refuses("syslog", { "syslog-facility": "foo" }, /invalid syslog facility/);
  refuses("syslog", { "syslog-format": "foo" }, /Invalid syslog format/);
  refuses("gelf", {}, /gelf-address is a required parameter/);
  refuses("json-file", { size: "1" }, /unknown log opt 'size' for json-file log driver/);
  refuses("local", { labels: "a" }, /unknown log opt 'labels' for log driver local/);
  refuses("", { mode: "some" }, /logging mode not supported: some/);
  refuses("", { "max-buffer-size": "1m" }, /only supported with 'mode=non-blocking'/);
  checkLogging(sinks, { driver: "none", options: { any: "thing" } });
  checkLogging(sinks, { driver: "", options: { mode: "non-blocking", "max-buffer-size": "1m" } });
});
